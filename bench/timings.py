"""How a figure is sampled and how far its median can be believed (bench/measure/sampling.h)."""
import statistics
import time

SMALLEST_NOISE = 0.005
# Student's t, 97.5 %, for 1, 2, ... degrees of freedom; then the normal distribution's.
STUDENT_T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179,
             2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086)
LEAST_SAMPLES, MOST_SAMPLES = 3, 20000
SLOW_MS = 250.0  # one sample of such a call is enough for a round


def wall_ms(call):
    begin = time.perf_counter()
    call()
    return 1e3 * (time.perf_counter() - begin)


def visit(sample, seconds):
    """Milliseconds of one round; sample() gives those of one call. The caches are another's."""
    first, start, samples = sample(), time.perf_counter(), []
    if first > SLOW_MS:
        return [first]
    while len(samples) < MOST_SAMPLES:
        samples.append(sample())
        if len(samples) >= LEAST_SAMPLES and time.perf_counter() - start >= seconds:
            break
    return samples


def noise(medians):
    """Half the width of the median's 95 % interval as a share of it; None for a single round."""
    count, middle = len(medians), statistics.median(medians)
    if count < 2 or middle <= 0:
        return None
    t = STUDENT_T[count - 2] if count - 2 < len(STUDENT_T) else 2.0
    return max(SMALLEST_NOISE, t * 1.2533 * statistics.stdev(medians) / count ** 0.5 / middle)


def timing(visits):
    """Of the visits' samples."""
    medians = [statistics.median(samples) for samples in visits]
    everything = sorted(value for samples in visits for value in samples)

    def quantile(share):
        return everything[round(share * (len(everything) - 1))]

    return {"median_ms": statistics.median(medians), "p5_ms": quantile(0.05),
            "p95_ms": quantile(0.95), "noise": noise(medians), "samples": len(everything),
            "rounds": len(medians)}


def together(turns):
    """One figure of several turns' timings. What differs between turns counts as noise; the floor
    is that of the turn in which the machine was fastest."""
    median = statistics.median(turn["median_ms"] for turn in turns)
    known = [turn["noise"] for turn in turns]
    medians = [turn["median_ms"] for turn in turns]
    apart = (max(medians) - min(medians)) / 2 / median if median > 0 else 0.0
    result = dict(turns[0], median_ms=median,
                  noise=None if None in known else max(*known, apart))
    for key, put in (("p5_ms", min), ("p95_ms", max), ("p99_ms", max), ("samples", sum),
                     ("rounds", sum), ("thrown_out", sum), ("disturbed", any)):
        if all(key in turn for turn in turns):
            result[key] = put(turn[key] for turn in turns)
    if "stopped" in result:
        result["stopped"] = "stable" if all(t["stopped"] == "stable" for t in turns) else "time"
    if all("floor_ms" in turn for turn in turns):
        lowest = min(turns, key=lambda turn: turn["floor_ms"])
        result.update(floor_ms=lowest["floor_ms"], floor_is=lowest["floor_is"],
                      of_roofline=lowest["floor_ms"] / median if median > 0 else None)
    return result
