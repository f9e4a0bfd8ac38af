"""Corpora of Docs: conversion, splits, DocBins and readers for training."""
