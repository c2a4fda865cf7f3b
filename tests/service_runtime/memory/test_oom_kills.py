from service_runtime.memory.oom_kills import OomKills
from service_runtime.memory.signals.surroundings import Surroundings


def test_kills_of_the_cgroup_and_those_above_are_counted(tmp_path):
    inner = tmp_path / "cgroup" / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "own").write_text("0::/a/b\n")
    for folder, count in ((inner, 2), (inner.parent, 3)):
        (folder / "memory.events").write_text(f"low 0\noom 5\noom_kill {count}\n")
    kills = OomKills(Surroundings(tmp_path / "cgroup", tmp_path / "own"), tmp_path / "none")
    assert kills.count() == 5
    (inner / "memory.events").write_text("low 0\noom 5\noom_kill 4\n")
    assert kills.count() == 7
    kills.close()


def test_version_1_and_a_machine_without_cgroups(tmp_path):
    (tmp_path / "cgroup" / "memory" / "a").mkdir(parents=True)
    (tmp_path / "own").write_text("3:memory:/a\n")
    (tmp_path / "cgroup" / "memory" / "a" / "memory.oom_control").write_text("under_oom 0\noom_kill 1\n")
    assert OomKills(Surroundings(tmp_path / "cgroup", tmp_path / "own"), tmp_path / "none").count() == 1
    (tmp_path / "vmstat").write_text("nr_free 1\noom_kill 9\n")
    nowhere = Surroundings(tmp_path / "nothing", tmp_path / "own")
    assert OomKills(nowhere, tmp_path / "vmstat").count() == 9
    assert OomKills(nowhere, tmp_path / "none").count() == 0
