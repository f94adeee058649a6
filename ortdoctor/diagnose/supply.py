"""The wheels that bring the CUDA and cuDNN libraries of a build, by CUDA major."""

from typing import List, Optional

from ortdoctor.diagnose.facts import version_tuple
from ortdoctor.diagnose.matrix_rows import Build

#: Distribution and requirement per CUDA major. The wheels of CUDA 13 dropped the suffix (the names with -cu13,
#: which the extras of 1.27 ask for, are empty placeholders on the index), cuDNN kept it; cuFFT and cuRAND count
#: for themselves. Names and versions as listed on the index, 2026-11-22.
_WHEELS = {
    11: (
        "nvidia-cuda-runtime-cu11~=11.8",
        "nvidia-cublas-cu11~=11.11",
        "nvidia-cufft-cu11~=10.9",
        "nvidia-curand-cu11~=10.3",
        "nvidia-cuda-nvrtc-cu11~=11.8",
    ),
    12: (
        "nvidia-cuda-runtime-cu12~=12.0",
        "nvidia-cublas-cu12~=12.0",
        "nvidia-cufft-cu12~=11.0",
        "nvidia-curand-cu12~=10.0",
        "nvidia-cuda-nvrtc-cu12~=12.0",
    ),
    13: (
        "nvidia-cuda-runtime~=13.0",
        "nvidia-cublas~=13.0",
        "nvidia-cufft~=12.0",
        "nvidia-curand~=10.0",
        "nvidia-cuda-nvrtc~=13.0",
    ),
}

#: The majors of cuDNN that each nvidia-cudnn-cuNN has wheels of.
_CUDNN = {11: (8, 9), 12: (8, 9), 13: (9,)}


def requirements(cuda: Optional[str], cudnn: Optional[str]) -> Optional[List[str]]:
    """Return what pip installs for a build with ``cuda`` and ``cudnn``; None where there are no such wheels.

    There are wheels from CUDA 11.7 on; for CUDA 10 the toolkit has to be there.
    """
    major, cudnn_major = version_tuple(cuda)[:1], version_tuple(cudnn)[:1]
    if not major or major[0] not in _WHEELS:
        return None
    wheels = list(_WHEELS[major[0]])
    if cudnn_major:
        if cudnn_major[0] not in _CUDNN[major[0]]:
            return None
        wheels.append("nvidia-cudnn-cu%d==%d.*" % (major[0], cudnn_major[0]))
    return wheels


def for_build(build: Build) -> Optional[List[str]]:
    """Return what pip installs for ``build``.

    Builds that only load cuDNN when an operator needs it (1.28 and later) get it, too: convolutions need it.
    """
    cudnn = build.cudnn if version_tuple(build.cudnn) else None
    if cudnn is None and version_tuple(build.cuda) >= (12,):
        cudnn = "9"
    return requirements(build.cuda, cudnn)
