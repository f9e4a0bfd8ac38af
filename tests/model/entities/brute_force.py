"""All legal paths of a few tokens, one by one."""

import itertools

import numpy

from rel_component.model.entities.tags import BEGIN, END, INSIDE, TagSet


def list_paths(n_tokens, n_types):
    """RETURNS (List[Tuple[int, ...]]): the legal ones, found by their definition."""
    tags = range(TagSet(n_types).n_tags)
    paths = itertools.product(tags, repeat=n_tokens)
    return [path for path in paths if is_legal(path, n_types)]


def is_legal(path, n_types):
    opened = None
    for tag in path:
        kind, type_ = (None, None) if tag == 0 else divmod(tag - 1, n_types)
        if opened is None:
            if kind in (INSIDE, END):
                return False
            opened = type_ if kind == BEGIN else None
        else:
            if kind not in (INSIDE, END) or type_ != opened:
                return False
            opened = None if kind == END else opened
    return opened is None


def score_path(path, scores, transitions, n_types):
    total = sum(scores[i, tag] for i, tag in enumerate(path))
    if transitions is None:
        return total
    before, is_later = 0, 0
    for tag in path:
        kind, type_ = (None, None) if tag == 0 else divmod(tag - 1, n_types)
        if kind in (INSIDE, END):
            total += transitions.within[is_later, int(kind == END), type_]
            is_later, before = 1, type_ + 1
        else:
            now = 0 if kind is None else type_ + 1
            total += transitions.between[before, now]
            is_later, before = 0, now
    return total


def weigh_paths(scores, transitions, n_types, fits=lambda path: True):
    """Paths, their scores, and the logarithm of the sum of their exponentials."""
    paths = [path for path in list_paths(len(scores), n_types) if fits(path)]
    values = numpy.asarray([score_path(x, scores, transitions, n_types) for x in paths])
    highest = values.max()
    return paths, values, highest + numpy.log(numpy.exp(values - highest).sum())
