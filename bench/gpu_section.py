"""docs/performance.md's part about a GPU, from what tools/gpu_check.sh saved."""


def pipeline_table(result):
    lines = ["| configuration | precision | batch | detect ms | PyTorch | ratio | analyse ms | PyTorch "
             "| ratio | faces/s | restored values differ by |",
             "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|"]
    for run in result["pipelines"]:
        for batch in run["batches"]:
            how = run["precision"] + ("" if run["deterministic"] else ", fast")
            cells = [run["config"], how, str(batch["batch"])]
            for part in ("detect", "analyse"):
                one = batch[part]
                cells += [f"{one['median_ms']:.2f}"]
                cells += [f"{one['peer_ms']:.2f}", f"{one['ratio']:.1f}"] if "ratio" in one \
                    else ["", ""]
            cells.append(f"{batch['analyse']['images_per_second']:.0f}")
            cells.append(f"{batch['restored_off_by']:.0e}" if "restored_off_by" in batch else "")
            lines.append("| " + " | ".join(cells) + " |")
    return lines


def numbers(case):
    ms = case["median_ms"]
    return f"{ms:.4f} | {case['gflop'] / ms * 1e3:.0f} | {case['megabytes'] / ms:.0f}"


def peer_table(result):
    lines = ["| operation | case | precision | ms | GFLOP/s | GB/s | PyTorch ms | ratio |",
             "|---|---|---|--:|--:|--:|--:|--:|"]
    for run in result["kernels"]:
        for case in run["cases"]:
            for peer in case["peers"]:
                lines.append(f"| {case['operation']} | {case['case']} | {run['precision']} | "
                             f"{numbers(case)} | {peer['median_ms']:.4f} ({peer['how']}) | "
                             f"{peer['ratio']:.2f} |")
    return lines


def operation_table(result):
    runs = result["kernels"]
    others = [run["precision"] for run in runs[1:]]
    lines = [f"| operation | case | {runs[0]['precision']} ms | GFLOP/s | GB/s |"
             + "".join(f" {name} ms |" for name in others),
             "|---|---|--:|--:|--:|" + "--:|" * len(others)]
    times = [{(case["operation"], case["case"]): f"{case['median_ms']:.4f}" for case in run["cases"]}
             for run in runs[1:]]
    for case in runs[0]["cases"]:  # those of variants are in fp32 alone
        lines.append(f"| {case['operation']} | {case['case']} | {numbers(case)} |" + "".join(
            f" {known.get((case['operation'], case['case']), '')} |" for known in times))
    return lines


def gpu_section(result):
    torch = f"PyTorch {result['torch']}, cuDNN {result['cudnn']}" if result["torch"] \
        else "PyTorch is not installed there"
    lines = ["", f"## {result['gpu']}", "",
             f"{result['date']}, commit {result['commit']}, what `make gpu-check` times; {torch}. A ratio is "
             "PyTorch's time over ours, medians of one run on one machine."]
    if result["pipelines"]:
        lines += ["", "The whole pipeline, from floats in the host's memory to probabilities in the "
                  "host's memory (`ofer_bench_pipeline`; \"fast\": a picture's last bits may depend on its "
                  "batch, else they do not); "
                  "PyTorch runs the twin, eager, with its fused attention, the self-assembly "
                  "vectorised, no gradients (`bench/peers/torch_pipeline.py`). \"detect\" finds the "
                  "covered patches, \"analyse\" restores and recognises behind a given mask of half "
                  "of each face. Random weights: the last column compares restored pictures in "
                  "[0, 1].", "", *pipeline_table(result)]
    lines += ["", "Single operations beside PyTorch on the same shapes, second-level cache emptied "
              "before each call:", "", *peer_table(result), "",
              "Every operation:", "", *operation_table(result)]
    return "\n".join(lines) + "\n"
