"""Groups of processes: who pays for what, and who has how much of the processors."""

import os
import subprocess
import time

GROUPS = "/sys/fs/cgroup"


class Group:
    """A group, in which whatever is charged can be seen."""

    def __init__(self, name):
        if not os.path.exists(f"{GROUPS}/cgroup.procs"):
            subprocess.run(["mount", "-t", "cgroup2", "none", GROUPS], check=True)
        with open(f"{GROUPS}/cgroup.subtree_control", "w") as file:
            file.write("+memory +cpu")
        self.place = f"{GROUPS}/{name}"
        os.makedirs(self.place, exist_ok=True)

    def enter(self):
        with open(f"{self.place}/cgroup.procs", "w") as file:
            file.write(str(os.getpid()))

    def bound(self, more):
        """Lets it take so many bytes more than it has; None: whatever it wants."""
        has = int(open(f"{self.place}/memory.current").read())
        with open(f"{self.place}/memory.max", "w") as file:
            file.write("max" if more is None else str(has + more))

    def killed(self):
        """Processes that had to go for want of memory."""
        return int(dict(line.split() for line in open(f"{self.place}/memory.events"))["oom_kill"])

    def throttle(self, micros):
        """Gives its processes so much of each second; "max": all that there is."""
        with open(f"{self.place}/cpu.max", "w") as file:
            file.write(f"{micros} 1000000")

    def throttled(self):
        """How often they had used it up."""
        return int(dict(line.split() for line in open(f"{self.place}/cpu.stat"))["nr_throttled"])

    def charged(self, *kinds):
        """Bytes of these kinds of memory together, without a process's stacks and tables of pages."""
        # The kernel adds up what was charged every two seconds.
        time.sleep(3)
        numbers = {name: int(number) for name, number in map(str.split, open(f"{self.place}/memory.stat"))}
        return sum(numbers[kind] for kind in kinds) - numbers["kernel_stack"] - numbers["pagetables"]
