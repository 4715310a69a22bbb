"""Networks: weights, devices and passes, and what tells two of them apart.

================== ==========================================================================
module             what
================== ==========================================================================
`backbone`         EfficientNet-Lite2, which the default recipe shares between its two halves
`boundary_decoder` boundaries from its features
`patches`          passes of vision transformers and other backbones
`passes`           devices, batches, pixels
`weights`          where files of weights are found, and whether they are whole
`fingerprint`      digests of files and parameters
`size`             how many parameters, how many bytes
================== ==========================================================================
"""
