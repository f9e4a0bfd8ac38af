"""Corpora of Docs: conversion, splits, DocBins and the readers that training takes."""
