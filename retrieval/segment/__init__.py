"""Segments of an image.

=============== ======================================================= =======================================
module          what                                                    paper
=============== ======================================================= =======================================
`hierarchy`     region hierarchy, class-agnostic, parts and wholes      Salembier and Garrido, IEEE TIP 2000
`superpixels`   its leaves                                              Felzenszwalb and Huttenlocher, IJCV 2004
`merging`       its merges                                              Arbelaez et al., CVPR 2014
`grid`          cells of a grid: the floor                              —
=============== ======================================================= =======================================
"""
