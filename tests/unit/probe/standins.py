"""Stand-ins for the driver's libraries, compiled by the tests: small C programs that answer as a driver would."""

import shutil
import subprocess
from pathlib import Path

import pytest

LIBCUDA = r"""
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
int cuDriverGetVersion(int *v) { *v = VERSION; return VERSION_CODE; }
int cuInit(unsigned flags) {
    if (INIT == -1) raise(SIGSEGV);
    if (INIT == -2) for (;;) sleep(1);
    return INIT;
}
int cuDeviceGetCount(int *n) { *n = COUNT; return COUNT_CODE; }
int cuDeviceGet(int *d, int i) { *d = i; return 0; }
int cuDeviceGetName(char *b, int n, int d) { snprintf(b, n, "Tesla T4"); return 0; }
int cuDeviceTotalMem_v2(size_t *b, int d) { *b = (size_t)15360 << 20; return 0; }
int cuDeviceGetAttribute(int *v, int a, int d) { *v = a == 75 ? 7 : a == 76 ? 5 : -1; return 0; }
#ifndef OLD
int cuDeviceGetUuid(char *b, int d) { for (int i = 0; i < 16; i++) b[i] = i * 17; return 0; }
#endif
"""

NVML = r"""
#include <stdio.h>
#include <string.h>
int nvmlInit_v2(void) { return INIT; }
int nvmlShutdown(void) { return 0; }
int nvmlSystemGetDriverVersion(char *b, unsigned n) { snprintf(b, n, "535.104.05"); return 0; }
int nvmlDeviceGetCount_v2(unsigned *n) { *n = 1; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned i, void **h) { *h = (void *)0x7f0012345678; return 0; }
static int handle(void *h) { return h == (void *)0x7f0012345678 ? 0 : 2; }
int nvmlDeviceGetName(void *h, char *b, unsigned n) { snprintf(b, n, "Tesla T4"); return handle(h); }
int nvmlDeviceGetUUID(void *h, char *b, unsigned n) { snprintf(b, n, "GPU-01"); return handle(h); }
int nvmlDeviceGetMemoryInfo(void *h, unsigned long long *m) { m[0] = 15360ull << 20; return MEMORY; }
#ifndef OLD
int nvmlSystemGetCudaDriverVersion_v2(int *v) { *v = 12020; return 0; }
int nvmlDeviceGetCudaComputeCapability(void *h, int *a, int *b) { *a = 7; *b = 5; return handle(h); }
#endif
"""

_DEFAULTS = {
    "libcuda.so.1": {"VERSION": 12020, "VERSION_CODE": 0, "INIT": 0, "COUNT": 1, "COUNT_CODE": 0},
    "libnvidia-ml.so.1": {"INIT": 0, "MEMORY": 0},
}


def build(folder: Path, soname: str, old: bool = False, **constants: int) -> Path:
    """Compile the stand-in ``soname`` into ``folder``; ``old`` leaves out the calls that came later."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler for the stand-in libraries")
    source = folder / (soname + ".c")
    folder.mkdir(parents=True, exist_ok=True)
    source.write_text(LIBCUDA if soname.startswith("libcuda") else NVML)
    macros = [f"-D{name}={number}" for name, number in {**_DEFAULTS[soname], **constants}.items()]
    if old:
        macros.append("-DOLD")
    library = folder / soname
    subprocess.run([compiler, "-w", "-shared", "-fPIC", *macros, "-o", library, source], check=True)
    return library
