"""Who is permuted, which threshold follows, and what that costs, said before a study runs."""

from __future__ import annotations

from collections.abc import Iterator

from ecgwas.progress import duration
from ecgwas.scan.permutation import sample
from ecgwas.study import Matrix, Study
from ecgwas.workflow import costs
from ecgwas.workflow.costs import StudySize


def lines(study: Study, size: StudySize, n_traits: int) -> Iterator[str]:
    """Lines of `ecgwas plan` about permutations; none for other engines and without permutations."""
    options = study.scan
    if not isinstance(options, Matrix) or options.permutations == 0:
        return
    without = study.model_copy(update={"scan": options.model_copy(update={"permutations": 0})})
    with_and_without = [
        sum(costs.scan(one, size, n_traits, count).work_seconds for count in size.variants.values()) for one in (study, without)
    ]
    permuted = sample.people_permuted(options, size.tested, n_traits)
    is_sample = permuted < size.tested
    people = f"a random sample of {permuted:,} of {size.tested:,}" if is_sample else f"all {size.tested:,}"
    why = ", because relatives are kept" if options.keeps_relatives and size.tested > sample.ALL_UP_TO else ""
    took = duration(with_and_without[0] - with_and_without[1])
    yield f"scan.permutations: {options.permutations:,} of {people} participants{why}, {took} of the scan's core time"
    if study.loci.threshold != "permutation":
        yield f"  loci.threshold: {study.loci.threshold} does not use them"
    elif is_sample:
        yield (
            "  threshold: from the effective number of tests, if it lies within the interval of the permutations' order "
            "statistic, otherwise that"
        )
    else:
        yield "  threshold: order statistic of the permutations"
