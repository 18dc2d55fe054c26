#!/usr/bin/env python3
"""Times the twin's stages, exported, in OpenVINO on a CPU, on the faces of our result."""
import pipeline_peer

NAME = "OpenVINO"

try:
    import openvino

    import exported_stages
except ImportError as error:
    pipeline_peer.nothing(NAME, error)

# Left to itself it rounds to bfloat16 wherever the processor has the instructions.
HINTS = {"fp32": "f32", "bf16": "bf16"}


def opener(arguments):
    core = openvino.Core()
    settings = {"INFERENCE_NUM_THREADS": arguments.threads, "PERFORMANCE_HINT": "LATENCY",
                "INFERENCE_PRECISION_HINT": HINTS[arguments.precision]}

    def open_stage(path, inputs):
        compiled = core.compile_model(core.read_model(path), "CPU", settings)
        request = compiled.create_infer_request()
        known = {name for value in compiled.inputs for name in value.names}

        def run(*arrays):
            found = request.infer({name: array for name, array in zip(inputs, arrays)
                                   if name in known})
            return [found[output] for output in compiled.outputs]
        return run

    return open_stage


if __name__ == "__main__":
    exported_stages.main(NAME, __doc__.splitlines()[0], tuple(HINTS), opener,
                         {"openvino": openvino.__version__.partition("-")[0]})
