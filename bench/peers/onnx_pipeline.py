#!/usr/bin/env python3
"""Times the twin's stages, exported, in ONNX Runtime on a CPU, on the faces of our result."""
import pipeline_peer

NAME = "ONNX Runtime"

try:
    import onnxruntime

    import exported_stages
except ImportError as error:
    pipeline_peer.nothing(NAME, error)


def opener(arguments):
    def open_stage(path, inputs):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = arguments.threads
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        known = {value.name for value in session.get_inputs()}

        def run(*arrays):
            return session.run(None, {name: array for name, array in zip(inputs, arrays)
                                      if name in known})
        return run

    return open_stage


if __name__ == "__main__":
    exported_stages.main(NAME, __doc__.splitlines()[0], ("fp32",), opener,
                         {"onnxruntime": onnxruntime.__version__})
