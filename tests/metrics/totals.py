"""What must hold between the counts of any score."""

from moldiff.metrics.score_result import Score


def adds_up(result: Score) -> bool:
    rates = result.rates
    valid, read = rates["valid"].numerator, rates["read"].numerator
    return (
        valid + sum(result.failures.values()) == result.num_requested == len(result.verdicts)
        and valid <= min(rates[name].numerator for name in ("sanitised", "no_radicals", "one_fragment", "read"))
        and rates["stable"].numerator <= read
        and all(0 <= rate.numerator <= rate.denominator for rate in rates.values())
        and all(r.numerator <= r.denominator for rates in result.protocols.values() for r in rates.values())
    )
