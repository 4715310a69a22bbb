"""Tracks: the segments of one thing in the frames of a video.

========= ===========================================================
module    what
========= ===========================================================
`linking` links the segments of frames to tracks, one frame at a time
`tracker` does that for the videos of a catalogue
========= ===========================================================
"""
