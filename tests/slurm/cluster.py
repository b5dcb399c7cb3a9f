# SPDX-License-Identifier: Apache-2.0
"""A real Slurm with four nodes on this machine: munged, slurmctld and four slurmd, for as long as the test lives.

Ports and folders are its own, so that two may run at once. A janitor outside the process tree of the test ends all that
belongs to it when the test ends, however it ends: daemons and jobs are known by the SLURM_CONF in their environment.
"""
import ctypes.util
import os
import pathlib
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time

NODES = ("h1", "h2", "h3", "h4")
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scontrol", "squeue", "scancel", "sinfo")
SKIP, FAILURE = 77, 1
os.environ["PATH"] += ":/usr/sbin:/sbin"


def missing():
    """Why no Slurm can be started here; empty if it can."""
    if os.geteuid() != 0:
        return "these tests start the daemons of Slurm, which takes root"
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    if ctypes.util.find_library("pmix") is None:
        absent.append("libpmix.so (libpmix-dev)")
    return f"not installed: {', '.join(absent)}" if absent else ""


def require():
    """Ends the test where no Slurm can be started: as skipped, or as failed where setup.sh could have installed it."""
    reason = missing()
    if not reason:
        return
    installable = os.geteuid() == 0 and shutil.which("apt-get") is not None
    print(f"no Slurm here: {reason}" + ("; run ./setup.sh, which installs it" if installable else ": skipped"))
    sys.exit(FAILURE if installable else SKIP)


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def configuration(folder, host, ports):
    return f"""ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
TmpFS={folder}/tmp-%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
MpiDefault=pmix
SchedulerParameters=batch_sched_delay=1,sched_interval=2,bf_interval=2
KillWait=5
SlurmdTimeout=10
MinJobAge=3600
ReturnToService=2
GresTypes=gpu
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
{"".join(f"NodeName={node} NodeAddr=127.0.0.1 NodeHostname={host} Port={port} CPUs=4 CoresPerSocket=4 RealMemory=4000 Gres=gpu:4{chr(10)}"
         for node, port in zip(NODES, ports[1:]))}PartitionName=main Nodes=ALL Default=YES PriorityTier=1 PreemptMode=REQUEUE GraceTime=30
PartitionName=urgent Nodes=ALL PriorityTier=10 PreemptMode=OFF
"""


class Cluster:
    """Use as a context; `run` calls a client of Slurm."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="westofn-slurm-"))
        self.conf = self.folder / "slurm.conf"
        self.daemons = {}
        self.env = dict(os.environ, SLURM_CONF=str(self.conf), OMPI_ALLOW_RUN_AS_ROOT="1",
                        OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1", OMP_NUM_THREADS="1", OMPI_MCA_mpi_yield_when_idle="1",
                        # The nodes share a host name, and with it the names of shared memory.
                        OMPI_MCA_btl="tcp,self", OMPI_MCA_btl_tcp_if_include="lo")

    def __enter__(self):
        # setsid --fork: no child of the test, so that what kills the test with its children leaves the janitor alone.
        self.janitor = subprocess.Popen(["setsid", "--fork", sys.executable, "-B", __file__, str(self.folder)],
                                        stdin=subprocess.PIPE)
        try:
            self._start()
        except BaseException:
            print(self.logs())
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.janitor.stdin.close()
        wait_for(lambda: not self.folder.exists(), "the end of all daemons and jobs", 30)
        self.janitor.wait()
        for daemon in self.daemons.values():
            daemon.wait()

    def _start(self):
        for name in ("state", *(f"spool-{node}" for node in NODES), *(f"tmp-{node}" for node in NODES)):
            (self.folder / name).mkdir()
        for number in range(4):  # tasks get CUDA_VISIBLE_DEVICES for these; no program opens them
            os.mknod(self.folder / f"gpu{number}", stat.S_IFCHR | 0o666, os.makedev(1, 3))
        self.conf.write_text(configuration(self.folder, socket.gethostname(), free_ports(1 + len(NODES))))
        (self.folder / "gres.conf").write_text(f"NodeName=h[1-4] Name=gpu File={self.folder}/gpu[0-3]\n")
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)
        self._spawn("munged", "munged", "-F", "--force", f"--key-file={key}", f"--socket={self.folder}/munge.socket",
                    f"--pid-file={self.folder}/munged.pid", f"--log-file={self.folder}/munged.log",
                    f"--seed-file={self.folder}/munged.seed", "--num-threads=2")
        wait_for((self.folder / "munge.socket").exists, "munged")
        self._spawn("slurmctld", "slurmctld", "-D", "-c", "-f", str(self.conf))
        for node in NODES:
            self.start_node(node)
        wait_for(lambda: self.idle_nodes() == set(NODES), "four idle nodes")

    def _spawn(self, name, *command):
        log = open(self.folder / f"{name}.out", "ab")
        self.daemons[name] = subprocess.Popen(command, env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()

    def start_node(self, node):
        self._spawn(node, "slurmd", "-D", "-f", str(self.conf), "-N", node)

    def kill_node(self, node):
        """As if its power were cut: the daemon and all processes of jobs there."""
        self.daemons[node].kill()
        self.daemons[node].wait()
        for pid in processes_with(f"SLURMD_NODENAME={node}", self.conf):
            kill(pid)

    def run(self, *command, check=True, **env):
        """The output of a client."""
        done = subprocess.run([str(part) for part in command], env={**self.env, **env}, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=120)
        assert not check or done.returncode == 0, f"{command} ended with {done.returncode}\n{done.stdout}"
        return done.stdout if check else done

    def idle_nodes(self):
        lines = self.run("sinfo", "-h", "-N", "-p", "main", "-o", "%N %T").split("\n")
        return {line.split()[0] for line in lines if line.endswith(" idle")}

    def job(self, identifier):
        """The fields of `scontrol show job`, of an array those of its task that was asked for."""
        text = self.run("scontrol", "-o", "show", "job", identifier)
        return dict(part.split("=", 1) for part in text.split() if "=" in part)

    def state(self, identifier):
        return self.job(identifier)["JobState"]

    def active(self):
        """The jobs that wait, run or end."""
        return set(self.run("squeue", "-h", "-r", "-o", "%i").split())

    def logs(self):
        return "".join(f"--- {path.name}\n{path.read_text(errors='replace')[-3000:]}\n"
                       for path in sorted(self.folder.glob("*.log")) + sorted(self.folder.glob("*.out")))


def wait_for(condition, what, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not after {seconds} s")
        time.sleep(0.1)


def processes_with(entry, conf):
    """Processes of a cluster with an entry in their environment."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/environ"):
        try:
            entries = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if entry.encode() in entries and f"SLURM_CONF={conf}".encode() in entries:
            found.append(int(path.parent.name))
    return found


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def clean_up(folder):
    """The janitor: waits for the end of the test, then ends what is left of the cluster."""
    sys.stdin.read()
    conf = folder / "slurm.conf"
    for _ in range(50):
        left = processes_with(f"SLURM_CONF={conf}", conf)
        if not left:
            break
        for pid in left:
            kill(pid)
        time.sleep(0.1)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    clean_up(pathlib.Path(sys.argv[1]))
