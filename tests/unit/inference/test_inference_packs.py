from __future__ import annotations

import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from support.tiny_pack import change_manifest, make_tiny_pack, replace_file

from desktop_app.domain.errors import PackError
from desktop_app.inference import packs
from desktop_app.inference.onnx_file import scan_model
from desktop_app.inference.packs import find_pack, find_packs, pack_folders, verify_pack


@pytest.fixture
def pack(tmp_path):
    return make_tiny_pack(tmp_path / "tiny")


def edit_graph(pack, change, name="embed.onnx"):
    """Change a graph of the pack in place and make its manifest agree."""
    model = onnx.load(pack / name)
    change(model)
    replace_file(pack, name, model.SerializeToString())


def scale_output(role, by):
    """A change that multiplies one output by a constant."""

    def change(model):
        for node in model.graph.node:
            node.output[:] = [f"{role}_before" if output == role else output for output in node.output]
            node.input[:] = [f"{role}_before" if given == role else given for given in node.input]
        model.graph.initializer.append(numpy_helper.from_array(np.float32(by), "by"))
        model.graph.node.append(helper.make_node("Mul", [f"{role}_before", "by"], [role]))

    return change


def test_a_good_pack_has_no_problems(tiny_pack):
    assert verify_pack(tiny_pack, deep=False) == []
    assert verify_pack(tiny_pack, deep=True) == []


def test_a_manifest_that_cannot_be_used_is_the_problem(pack):
    change_manifest(pack, format=7)
    assert len(verify_pack(pack, deep=True)) == 1


def test_each_wrong_file_is_named(pack):
    (pack / "code.onnx").unlink()
    (pack / "LICENSE").write_text("short")
    data = bytearray((pack / "embed.onnx").read_bytes())
    data[len(data) // 2] ^= 1
    (pack / "embed.onnx").write_bytes(data)
    problems = verify_pack(pack, deep=True)
    assert len(problems) == 3
    assert "tiny cannot be used: embed.onnx is damaged (its checksum" in problems[0]
    assert "tiny cannot be used: code.onnx is missing" in problems[1]
    assert "LICENSE has 5 bytes instead of 31" in problems[2]


@pytest.mark.parametrize("data", [b"", b"not a graph", bytes(range(256)) * 4, b"\x08\x09"])
def test_a_file_that_is_no_onnx_is_named(pack, data):
    replace_file(pack, "embed.onnx", data or b"\x00")
    assert verify_pack(pack, deep=False) == ["the pack tiny cannot be used: embed.onnx is not an ONNX file"]


def test_a_graph_that_is_cut_short_is_named(pack):
    replace_file(pack, "embed.onnx", (pack / "embed.onnx").read_bytes()[:-100])
    assert verify_pack(pack, deep=False)


@pytest.mark.parametrize("domain", ["com.microsoft", "my.ops"])
def test_operators_that_are_not_standard_are_refused(pack, domain):
    def change(model):
        model.graph.node[3].domain = domain
        model.opset_import.append(helper.make_opsetid(domain, 1))

    edit_graph(pack, change)
    (problem,) = verify_pack(pack, deep=False)
    assert f"of {domain}, which is not a standard ONNX operator" in problem


def test_operators_inside_branches_are_seen():
    inner = helper.make_graph([helper.make_node("Evil", ["x"], ["y"], domain="my.ops")], "inner", [], [])
    node = helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=inner)
    model = helper.make_model(helper.make_graph([node], "outer", [], []))
    assert ("my.ops", "Evil") in scan_model(model.SerializeToString()).operators


@pytest.mark.parametrize("where", ["initializer", "attribute"])
def test_data_outside_the_file_is_refused(pack, where):
    outside = TensorProto(name="outside", data_type=TensorProto.FLOAT, dims=[4])
    outside.data_location = TensorProto.EXTERNAL
    outside.external_data.add(key="location", value="../../secret")

    def change(model):
        if where == "initializer":
            model.graph.initializer.append(outside)
        else:
            model.graph.node.append(helper.make_node("Constant", [], ["outside"], value=outside))

    edit_graph(pack, change)
    (problem,) = verify_pack(pack, deep=False)
    assert "keeps data in other files" in problem


@pytest.mark.parametrize(
    ("role", "by", "sentence"),
    [
        ("alpha", 2.0, "its global descriptors ('alpha') do not have length 1"),
        ("alpha", np.inf, "its output 'alpha' holds values that are not numbers"),
        ("attention", 3.0, "its 'attention' does not sum to 1"),
        ("local_map", -1.0, "its 'local_map' has negative values"),
        ("local_features", 0.5, "its 'local_features' do not have length 1"),
        ("local_features", np.nan, "its output 'local_features' holds values that are not numbers"),
    ],
)
def test_outputs_that_break_the_contract_are_found_by_running_the_pack(pack, role, by, sentence):
    edit_graph(pack, scale_output(role, by))
    assert verify_pack(pack, deep=False) == []
    assert f"the pack tiny cannot be used: {sentence}" in verify_pack(pack, deep=True)


@pytest.mark.parametrize(
    ("role", "spec", "sentence"),
    [
        ("alpha", {"shape": ["B", 256]}, "its output 'alpha' has the shape [2, 512] instead of [2, 256]"),
        ("local_map", {"shape": ["B", 256, "w"]}, "its output 'local_map' has the shape [2, 256, 14, 14]"),
        ("attention", {"shape": ["B", 7, "w"]}, "its output 'attention' has the shape [2, 14, 14] instead of"),
        ("alpha_code", {"dtype": "float32"}, "its output 'alpha_code' is uint8 where the manifest says float32"),
        ("alpha", {"name": "omega"}, "ONNX Runtime says: "),
    ],
)
def test_outputs_that_differ_from_the_manifest_are_found(pack, role, spec, sentence):
    raw = json.loads((pack / "manifest.json").read_text())
    raw["outputs"][role] |= spec
    (pack / "manifest.json").write_text(json.dumps(raw))
    assert any(sentence in problem for problem in verify_pack(pack, deep=True))


@pytest.mark.parametrize(
    ("role", "by", "sentence"),
    [
        ("beta", 0.5, "its global descriptors ('beta') do not have length 1"),
        ("beta", np.nan, "its output 'beta' holds values that are not numbers"),
    ],
)
def test_the_second_descriptor_is_checked_like_the_first(tmp_path, role, by, sentence):
    pack = make_tiny_pack(tmp_path / "tiny", second=True)
    assert verify_pack(pack, deep=True) == []
    edit_graph(pack, scale_output(role, by))
    assert f"the pack tiny cannot be used: {sentence}" in verify_pack(pack, deep=True)


def test_the_second_descriptor_has_the_shape_of_the_manifest(tmp_path):
    pack = make_tiny_pack(tmp_path / "tiny", second=True)
    raw = json.loads((pack / "manifest.json").read_text())
    raw["outputs"]["beta"]["shape"] = ["B", 128]
    (pack / "manifest.json").write_text(json.dumps(raw))
    (problem,) = verify_pack(pack, deep=True)
    assert problem.endswith("its output 'beta' has the shape [2, 256] instead of [2, 128]")


def test_maps_must_have_the_cells_that_the_stride_says(pack):
    change_manifest(pack, local={"stride": 32})
    problems = verify_pack(pack, deep=True)
    assert any("'attention' has the shape [2, 14, 14] instead of [2, 7, 7]" in problem for problem in problems)


def test_a_code_layer_of_another_size_is_found(pack):
    change_manifest(pack, local={"code_bits": 64})
    (problem,) = verify_pack(pack, deep=True)
    assert "code.onnx gives float32 [3, 128] instead of [3, 64] logits" in problem


class TestFinding:
    @pytest.fixture(autouse=True)
    def folders(self, tmp_path, monkeypatch):
        self.shipped, self.own = tmp_path / "shipped", tmp_path / "own"
        monkeypatch.setattr(packs, "packs_dir", lambda: self.shipped)
        monkeypatch.setattr(packs, "user_packs_dir", lambda: self.own)

    def test_shipped_packs_come_first_and_damaged_ones_are_left_out(self):
        make_tiny_pack(self.own / "b", name="b")
        make_tiny_pack(self.own / "a", name="a")
        make_tiny_pack(self.shipped / "z", name="z")
        change_manifest(make_tiny_pack(self.own / "damaged"), format=99)
        (self.own / "no pack").mkdir()
        assert [(pack.name, pack.shipped) for pack in find_packs()] == [("z", True), ("a", False), ("b", False)]
        assert [folder.name for folder in pack_folders()] == ["z", "a", "b", "damaged"]

    def test_a_name_counts_once(self):
        make_tiny_pack(self.shipped / "s", name="s")
        make_tiny_pack(self.own / "s", name="s", seed=1)
        (pack,) = find_packs()
        assert pack.shipped
        assert pack.directory == self.shipped / "s"

    def test_a_pack_is_found_by_name_or_folder(self):
        own = make_tiny_pack(self.own / "folder", name="mine")
        assert find_pack("mine").directory == own
        assert find_pack(own).name == find_pack(str(own)).name == "mine"
        assert not find_pack(own).shipped

    def test_without_a_name_it_is_the_shipped_one(self):
        make_tiny_pack(self.shipped / "indicium-s", name="indicium-s")
        assert find_pack().name == "indicium-s"
        assert find_pack().digest == find_packs()[0].digest

    def test_an_unknown_name_lists_the_known_ones(self):
        make_tiny_pack(self.own / "mine", name="mine")
        with pytest.raises(PackError, match=r"no pack called 'other' \(installed: mine\)"):
            find_pack("other")
        with pytest.raises(PackError, match="no pack called 'indicium-s'"):
            find_pack()

    def test_a_damaged_pack_asked_for_by_name_says_what_is_wrong(self):
        change_manifest(make_tiny_pack(self.own / "mine", name="mine"), format=99)
        with pytest.raises(PackError, match="its format 99 is unknown"):
            find_pack("mine")

    def test_no_folders_at_all_is_fine(self):
        assert find_packs() == []


def test_the_persons_packs_lie_in_their_data_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert packs.user_packs_dir().name == "packs"
    assert "indicium" in str(packs.user_packs_dir())
