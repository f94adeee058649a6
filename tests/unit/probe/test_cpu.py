from pathlib import Path

from ortdoctor.probe import cpu

from .boxes import Box

X86 = (
    "processor\t: 0\nmodel name\t: Intel(R) Xeon(R) Gold 6330 CPU @ 2.00GHz\n"
    "flags\t\t: fpu sse sse4_1 sse4_2 avx f16c avx2 fma avx512f avx512_vnni\nbugs\t\t: spectre_v1\n\n"
    "processor\t: 1\nmodel name\t: another\n"
)
ARM = "processor\t: 0\nFeatures\t: fp asimd aes asimddp\nCPU implementer\t: 0x41\n"
ARM32 = "Processor\t: ARMv7\nFeatures\t: half thumb neon vfpv4\nHardware\t: jetson-tk1\n"


def test_x86_flags_that_matter_in_a_fixed_order(box: Box) -> None:
    assert cpu.collect(box({"/proc/cpuinfo": X86}))["system.cpu"]["value"] == {
        "model": "Intel(R) Xeon(R) Gold 6330 CPU @ 2.00GHz",
        "flags": ["sse4_2", "avx", "avx2", "fma", "f16c", "avx512f", "avx512_vnni"],
    }


def test_arm_names_its_flags_features(box: Box) -> None:
    seen = cpu.collect(box({"/proc/cpuinfo": ARM}))["system.cpu"]["value"]
    assert seen == {"model": None, "flags": ["asimd", "asimddp"]}
    seen = cpu.collect(box({"/proc/cpuinfo": ARM32}))["system.cpu"]["value"]
    assert seen == {"model": "jetson-tk1", "flags": ["neon"]}


def test_a_machine_without_the_file(box: Box) -> None:
    fact = cpu.collect(box())["system.cpu"]
    assert fact == {"value": None, "source": "/proc/cpuinfo", "error": None}


def test_a_file_that_cannot_be_read_is_a_failure(box: Box) -> None:
    context = box()
    Path(context.path("/proc/cpuinfo")).mkdir(parents=True)
    assert "could not be read" in cpu.collect(context)["system.cpu"]["error"]
