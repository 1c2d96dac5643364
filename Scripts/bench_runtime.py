#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bench_runtime.py PROGRAM ROUNDS: `run` of `true` from one bundle on apus-runtime, crun and runc, interleaved: medians, peak memory, and
what each part of the bundle costs (the same bundle without it)."""
import copy
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

PROGRAM, ROUNDS = pathlib.Path(sys.argv[1]).resolve(), int(sys.argv[2])


def enter_private_tree():
    """crun before 1.15 refuses a machine with both kinds of control groups: all run where only the first is seen."""
    if os.environ.get("APUS_BENCH_INSIDE") != "1":
        os.environ["APUS_BENCH_INSIDE"] = "1"
        os.execvp("unshare", ["unshare", "-m", sys.executable, *sys.argv])
    if os.path.ismount("/sys/fs/cgroup/unified"):
        subprocess.run(["umount", "/sys/fs/cgroup/unified"], check=True)


enter_private_tree()
WORK = pathlib.Path(tempfile.mkdtemp(prefix="apus-bench-rt-", dir="/var/tmp"))
# What Docker's default filter refuses, as far as every libseccomp knows it.
REFUSED = """acct add_key bpf clock_adjtime clock_settime clone3 create_module delete_module finit_module get_kernel_syms get_mempolicy
init_module ioperm iopl kcmp kexec_file_load kexec_load keyctl lookup_dcookie mbind mount move_pages name_to_handle_at nfsservctl
open_by_handle_at perf_event_open personality pivot_root process_vm_readv process_vm_writev ptrace query_module quotactl reboot request_key
set_mempolicy setns settimeofday stime swapon swapoff sysfs _sysctl umount umount2 unshare uselib userfaultfd ustat vm86 vm86old""".split()


def bundle():
    for name in "bin dev etc proc sys tmp".split():
        (WORK / "rootfs" / name).mkdir(parents=True)
    shutil.copy("/bin/busybox", WORK / "rootfs/bin/busybox")
    (WORK / "rootfs/bin/true").symlink_to("busybox")
    subprocess.run([PROGRAM, "spec"], cwd=WORK, check=True)
    spec = json.loads((WORK / "config.json").read_text())
    spec["process"].update(terminal=False, args=["/bin/true"], noNewPrivileges=False)
    spec["ociVersion"] = "1.0.2"  # the newest that older peers take
    spec["root"]["readonly"] = False
    spec["linux"]["cgroupsPath"] = "/apus-bench/one"
    spec["linux"]["resources"].update(memory={"limit": 256 << 20}, pids={"limit": 100}, cpu={"shares": 512})
    spec["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]
                                if os.uname().machine == "x86_64" else [],
                                "syscalls": [{"names": REFUSED, "action": "SCMP_ACT_ERRNO"}]}
    return spec


def without(spec, part):
    spec = copy.deepcopy(spec)
    linux = spec["linux"]
    if part == "network namespace":
        linux["namespaces"] = [n for n in linux["namespaces"] if n["type"] != "network"]
        spec["mounts"] = [m for m in spec["mounts"] if m["type"] != "sysfs"]
    elif part == "control group mounts":
        spec["mounts"] = [m for m in spec["mounts"] if m["type"] != "cgroup"]
    elif part == "limits":
        linux["resources"] = {"devices": linux["resources"]["devices"]}
    elif part == "system call filter":
        del linux["seccomp"]
    elif part == "masked and read-only paths":
        linux["maskedPaths"] = linux["readonlyPaths"] = []
    return spec


def once(command):
    """Milliseconds on the clock and on the processors, those of the container included."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    taken = (time.perf_counter() - start) * 1000
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{command[0]} failed")
    return taken, (usage.ru_utime + usage.ru_stime) * 1000


def peak(command):
    """KiB of the largest process of one run. busybox is small enough not to be that; it takes the kernel's KiB for pages."""
    done = subprocess.run(["busybox", "time", "-f", "%M", *command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True, check=True)
    return int(done.stderr.split()[-1]) * 1024 // os.sysconf("SC_PAGE_SIZE")


def command(name, path, number):
    return [str(path), "--root", str(WORK / f"state-{name}"), "run", "--bundle", str(WORK), f"bench{number}"]


def measure(runtimes, spec):
    (WORK / "config.json").write_text(json.dumps(spec))
    times = {name: [] for name in runtimes}
    for number in range(ROUNDS + 1):
        for name, path in runtimes.items():
            taken = once(command(name, path, number))
            if number > 0:  # the first fills caches
                times[name].append(taken)
    return [{name: statistics.median(value[index] for value in values) for name, values in times.items()} for index in (0, 1)]


def main():
    runtimes = {"apus": PROGRAM}
    for name in ("crun", "runc"):
        if shutil.which(name):
            runtimes[name] = shutil.which(name)

    def row(measure, figures, digits, target=""):
        cells = [f"{figures[name]:.{digits}f}" if name in figures else "-" for name in ("apus", "crun", "runc")]
        ratio = f"{figures['apus'] / figures['crun']:.3f}" if target and "crun" in figures else "-"
        print(f"| {measure} | " + " | ".join(cells) + f" | {ratio} | {target} |", flush=True)
    try:
        spec = bundle()
        print("| OCI runtime (median) | apus | crun | runc | ratio to crun | target |\n|---|---|---|---|---|---|")
        full, work = measure(runtimes, spec)
        row("run true, ms", full, 2, "<= 0.5")
        row("processor time of it, ms", work, 2, "<= 0.5")
        row("peak memory of run, MiB", {name: peak(command(name, path, 0)) / 1024 for name, path in runtimes.items()}, 1, "<= 1")
        for part in ("network namespace", "control group mounts", "limits", "system call filter", "masked and read-only paths"):
            less, _ = measure(runtimes, without(spec, part))
            row(f"thereof {part}, ms", {name: full[name] - less[name] for name in full}, 2)
    finally:
        shutil.rmtree(WORK, ignore_errors=True)
        for folder in pathlib.Path("/sys/fs/cgroup").glob("*/apus-bench"):
            if folder.parts[4] == "unified":  # no hierarchy is mounted there: some leave ordinary files
                shutil.rmtree(folder)
                continue
            for below in folder.iterdir():
                if below.is_dir():
                    below.rmdir()
            folder.rmdir()



main()
