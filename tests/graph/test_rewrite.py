from __future__ import annotations

import numpy as np
import pytest

from lpu_emu.errors import ModelError
from lpu_emu.graph.ir import Graph, ValueInfo
from lpu_emu.graph.rewrite import (
    FreshNames,
    bypass,
    drop_dead,
    redirect,
    rename,
    replace_nodes,
    sort_nodes,
)

from .builders import FLOAT, float_graph, float_node


def names(graph: Graph) -> list[str]:
    return [node.name for node in graph.nodes]


def test_fresh_names_avoid_tensors_and_nodes() -> None:
    fresh = FreshNames(float_graph([float_node("n", "Relu", ["x"], ["y"])]))
    assert [fresh.take(stem) for stem in ("x", "n", "z", "z", "x")] == ["x_2", "n_2", "z", "z_2", "x_3"]


def test_sorting_keeps_the_given_order_where_it_can() -> None:
    a, b = float_node("a", "Relu", ["x"], ["p"]), float_node("b", "Relu", ["x"], ["q"])
    c = float_node("c", "Add", ["p", "q"], ["y"])
    assert [n.name for n in sort_nodes([c, b, a])] == ["b", "a", "c"]
    assert [n.name for n in sort_nodes([a, b, c])] == ["a", "b", "c"]


def test_sorting_refuses_a_cycle() -> None:
    nodes = [float_node("ok", "Relu", ["x"], ["y"]), float_node("loop", "Add", ["p", "q"], ["p"])]
    with pytest.raises(ModelError) as caught:
        sort_nodes(nodes, "m.onnx")
    assert str(caught.value) == (
        "m.onnx: node 'loop' (Add) depends on its own result; a graph may have no cycle"
    )


def test_sorting_random_graphs() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        nodes = [
            float_node(
                f"n{i}", "Sum", ["x", *(f"t{j}" for j in rng.integers(0, i, 2 if i else 0))], [f"t{i}"]
            )
            for i in range(30)
        ]
        shuffled = [nodes[i] for i in rng.permutation(30)]
        graph = float_graph(sort_nodes(shuffled), outputs=["t29"])
        assert len(graph.verify().nodes) == 30, f"seed {seed}"


def test_replacing_a_node_by_two() -> None:
    graph = float_graph([float_node("g", "Gelu", ["x"], ["h"]), float_node("r", "Relu", ["h"], ["y"])])
    new = [float_node("m", "Mul", ["x", "half"], ["t"]), float_node("a", "Add", ["t", "x"], ["h"])]
    result = replace_nodes(
        graph,
        {"g": new},
        values=[ValueInfo(name="t", dtype=FLOAT, shape=(2, 3))],
        constants={"half": np.asarray(0.5, dtype=np.float32)},
    ).verify()
    assert names(result) == ["m", "a", "r"]
    assert names(graph) == ["g", "r"]


def test_replacing_forgets_tensors_that_are_gone() -> None:
    graph = float_graph([float_node("a", "Relu", ["x"], ["h"]), float_node("b", "Relu", ["h"], ["y"])])
    result = replace_nodes(graph, {"a": [], "b": [float_node("c", "Relu", ["x"], ["y"])]}).verify()
    assert list(result.values) == ["x", "y"]


def test_replacing_an_unknown_node_is_refused() -> None:
    graph = float_graph([float_node("a", "Relu", ["x"], ["y"])])
    with pytest.raises(ModelError, match=r"^test\.onnx: there is no node named 'q' to replace$"):
        replace_nodes(graph, {"q": []})


def test_redirect_follows_chains() -> None:
    nodes = [
        float_node(n, "Relu", [i], [o]) for n, i, o in (("a", "x", "p"), ("b", "p", "q"), ("c", "q", "y"))
    ]
    result = redirect(float_graph(nodes), {"q": "p", "p": "x"}).verify()
    assert [node.inputs for node in result.nodes] == [("x",), ("x",), ("x",)]


def test_rename_reaches_everything() -> None:
    graph = float_graph([float_node("a", "Add", ["x", "c"], ["y"])], constants={"c": np.zeros(3, np.float32)})
    result = rename(graph, {"x": "in", "c": "bias", "y": "out"}).verify()
    assert (result.inputs, result.outputs) == (("in",), ("out",))
    assert result.nodes[0].inputs == ("in", "bias")
    assert list(result.constants) == ["bias"]
    assert {name: value.name for name, value in result.values.items()} == {
        k: k for k in ("in", "out", "bias")
    }


def test_rename_refuses_a_taken_name() -> None:
    graph = float_graph([float_node("a", "Relu", ["x"], ["y"])])
    with pytest.raises(ModelError, match=r"cannot rename 'x' to 'y': that tensor exists$"):
        rename(graph, {"x": "y"})


def test_bypass_in_the_middle() -> None:
    nodes = [
        float_node("i", "Identity", ["x"], ["p"]),
        float_node("j", "Identity", ["p"], ["q"]),
        float_node("r", "Relu", ["q"], ["y"]),
    ]
    result = bypass(float_graph(nodes), {"i", "j"}).verify()
    assert names(result) == ["r"]
    assert result.nodes[0].inputs == ("x",)


def test_bypass_before_an_output_keeps_its_name() -> None:
    nodes = [
        float_node("r", "Relu", ["x"], ["h"]),
        float_node("i", "Identity", ["h"], ["y"]),
        float_node("n", "Neg", ["h"], ["z"]),
    ]
    result = bypass(float_graph(nodes, outputs=["y", "z"]), {"i"}).verify()
    assert [(n.inputs, n.outputs) for n in result.nodes] == [(("x",), ("y",)), (("y",), ("z",))]
    assert result.outputs == ("y", "z")


def test_bypass_keeps_a_link_from_input_to_output() -> None:
    graph = float_graph([float_node("i", "Identity", ["x"], ["y"])])
    assert names(bypass(graph, {"i"}).verify()) == ["i"]


def test_bypass_keeps_one_of_two_outputs_of_one_tensor() -> None:
    nodes = [
        float_node("r", "Relu", ["x"], ["h"]),
        float_node("i", "Identity", ["h"], ["y"]),
        float_node("j", "Identity", ["h"], ["z"]),
    ]
    result = bypass(float_graph(nodes, outputs=["y", "z"]), {"i", "j"}).verify()
    assert [(n.name, n.inputs, n.outputs) for n in result.nodes] == [
        ("r", ("x",), ("y",)),
        ("j", ("y",), ("z",)),
    ]


def test_drop_dead_keeps_inputs_and_live_parts() -> None:
    nodes = [
        float_node("live", "Add", ["x", "c"], ["y"]),
        float_node("dead", "Add", ["x", "d"], ["p"]),
        float_node("dead_too", "Relu", ["p"], ["q"]),
    ]
    constants = {name: np.zeros(3, np.float32) for name in ("c", "d")}
    result = drop_dead(float_graph(nodes, inputs=["x", "unused"], constants=constants)).verify()
    assert names(result) == ["live"]
    assert result.inputs == ("x", "unused")
    assert sorted(result.values) == ["c", "unused", "x", "y"]
