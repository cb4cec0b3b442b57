"""A child that pretends to be a run under SLURM, and SLURM's commands as one script."""

from __future__ import annotations

CHILD = """
import os, signal, sys, time
from pathlib import Path
directory, mode, rank = Path(sys.argv[1]), sys.argv[2], os.environ.get("SLURM_PROCID", "0")
warning = sys.argv[-1]
assert sys.argv[-2] == "--stop_on"
number = getattr(signal, f"SIG{warning}")
for each in (number, signal.SIGTERM):
    signal.signal(each, lambda *_: sys.exit(75))
signal.pthread_sigmask(signal.SIG_UNBLOCK, {number, signal.SIGTERM})
before = len(list(directory.glob(f"ran-{rank}-*")))
seen = {name: os.environ.get(name) for name in ("SLURM_NTASKS", "SLURM_STEP_ID", "AL_PROGRESS", "AL_LAUNCHER_PID")}
(directory / f"ran-{rank}-{before}").write_text(str(seen))
(directory / ".progress.json").write_text('{"title": "cycle 0/1"}')
print("rank", rank, "time", before, flush=True)
if mode.isdecimal():
    sys.exit(int(mode))
if mode == "warned" and before == 0:
    os.kill(os.getppid(), number)
    time.sleep(60)
while mode == "wait" and not (directory / "go").exists():
    time.sleep(0.05)
"""
# sbatch, srun, scontrol and sacct in one: jobs start at once, states are files.
SLURM = """#!{python}
import json, os, re, subprocess, sys
from pathlib import Path
home, name, given = Path("{home}"), Path(sys.argv[0]).name, sys.argv[1:]
def begin(element):
    script = (home / "script.sh").read_text()
    option = lambda key: (re.findall(f"#SBATCH --{{key}}=(.*)", script) or [""])[0]
    tasks = int(option("ntasks-per-node")) * int(option("nodes"))
    env = {{**os.environ, "SLURM_JOB_ID": str(100 + element), "SLURM_NTASKS": str(tasks), "SLURM_JOB_NAME": "al"}}
    env.update(SLURM_JOB_NUM_NODES="1", SLURM_NNODES="1", SLURM_NODEID="0", SLURM_JOB_NODELIST="localhost")
    env.update(SLURM_ARRAY_JOB_ID="7", SLURM_ARRAY_TASK_ID=str(element))
    state, again = home / f"state-{{element}}", len(list(home.glob(f"again-{{element}}-*")))
    end = f"[ $(ls {{home}}/again-{{element}}-* 2>/dev/null | wc -l) != {{again}} ] || echo COMPLETED > {{state}}"
    code = f"echo RUNNING > {{state}}; bash {{home}}/script.sh; {{end}}"
    subprocess.Popen(["bash", "-c", code], env=env, start_new_session=True,
                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
if name == "sbatch":
    text = Path(given[0]).read_text()
    (home / "script.sh").write_text(text)
    with (home / "submitted").open("a") as file:
        print(given[0], file=file)
    last = int(re.findall("--array=0-([0-9]+)", text)[0])
    for element in range(last + 1):
        begin(element)
    print("Submitted batch job 7")
elif name == "scontrol":
    element = int(given[1].split("_")[1])
    (home / f"again-{{element}}-{{len(list(home.glob('again-*')))}}").write_text(" ".join(given))
    begin(element)
elif name == "sacct":
    print("JobID|State|NodeList")
    for state in home.glob("state-*"):
        print(f"7_{{state.name[6:]}}|{{state.read_text().strip()}}|here")
elif name == "srun":
    output, error = given[given.index("--output") + 1], given[given.index("--error") + 1]
    command = [word for word in given[given.index(error) + 1:] if word != "--kill-on-bad-exit=1"]
    def place(path, task):
        real = path.replace("%A", "7").replace("%a", os.environ["SLURM_ARRAY_TASK_ID"]).replace("%t", str(task))
        return open(real, "a")
    tasks = range(int(os.environ["SLURM_NTASKS"]))
    all = [subprocess.Popen(command, stdout=place(output, task), stderr=place(error, task), env={{
        **os.environ, "SLURM_PROCID": str(task), "SLURM_LOCALID": str(task), "SLURM_STEP_ID": "0"}}) for task in tasks]
    sys.exit(max(task.wait() != 0 for task in all))
"""
