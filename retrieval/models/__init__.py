"""Networks: weights, devices and passes, and what tells two of them apart.

================== ==========================================================================
module             what
================== ==========================================================================
`backbone`         images to the feature maps of EfficientNet-Lite2, which the default recipe
                   shares between its two halves
`efficientnet`     its weights and data flow
`boundary_decoder` boundaries from its features
`operators`        what these two are written in
`protocols`        what a network and a runtime are
`runtimes`         which runtime a device has: `openvino_runtime`, `torch_runtime`
`patches`          passes of vision transformers and other backbones
`passes`           devices, batches, pixels
`scaling`          images resized for a pass
`weights`          where files of weights are found, and whether they are whole
`tensor_file`      tensors of safetensors files, with errors that say what to do
`torch_file`       state dicts that torch saved, read without it
`fingerprint`      digests of files and parameters
`size`             how many parameters, how many bytes
================== ==========================================================================
"""
