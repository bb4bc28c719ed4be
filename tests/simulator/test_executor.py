"""The metadata of the executor program's results."""

from __future__ import annotations

from simulator.programs.executor import annotate


def test_the_simulation_method_is_in_the_circuit_metadata() -> None:
    how = [{"method": "stabilizer"}, {"method": "statevector"}]
    data = {"post_processor": {"version": "v0.1", "circuits_metadata": [None, {"a": 1, "simulator": "mine"}]}}
    assert annotate(data, how)["post_processor"] == {
        "version": "v0.1",
        "circuits_metadata": [{"simulator": how[0]}, {"a": 1, "simulator": "mine"}],
    }
    assert annotate({"x": 1}, how) == {"x": 1, "simulator": how}
    assert annotate(None, how) is None
