import Foundation
import TestSupport
import Testing

/// A Python that has h5py; Debian's own before any other.
private enum Python {
  static let path: String? = ["/usr/bin/python3", "python3"].first { path in
    (try? run(path, "import h5py, numpy", []))?.status == 0
  }

  static func run(
    _ python: String, _ script: String, _ arguments: [String]
  ) throws -> (status: Int32, errors: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [python, "-c", script] + arguments
    let errors = Pipe()
    process.standardError = errors
    try process.run()
    let text = errors.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: text, as: UTF8.self))
  }
}

/// What we write, read by h5py and NumPy.
@Suite(.enabled(if: Python.path != nil, "no python3 with h5py: what we write goes unread"))
struct ReadBackTests {

  private static let script = """
    import sys, json, h5py, numpy
    checkpoint, archive, forgotten = sys.argv[1:]
    file = h5py.File(checkpoint, "r")
    arrays = numpy.load(archive, allow_pickle=False)
    json.loads(file.attrs["model_config"])
    weights = {}
    for layer in file["model_weights"].attrs["layer_names"]:
        layer = layer.decode() if isinstance(layer, bytes) else layer
        group = file["model_weights"][layer]
        for name in group.attrs["weight_names"]:
            name = name.decode() if isinstance(name, bytes) else name
            weights[layer + "/" + name.split("/")[-1].split(":")[0]] = group[name]
    assert weights
    for name, dataset in weights.items():
        assert dataset.dtype == arrays[name].dtype, name
        assert numpy.array_equal(dataset[()], arrays[name]), name
    gone = {int(line) for line in open(forgotten) if line.strip() and line[0] != "#"}
    assert len(gone) == 100
    for split, group in file["modelctl/splits"].items():
        for part in ("x", "y", "id"):
            stored, exported = group[part][()], arrays["splits/" + split + "/" + part]
            assert stored.shape == exported.shape, (split, part)
            assert numpy.array_equal(stored, exported), (split, part)
        assert not gone & set(group["id"][()].tolist()), split
    assert len(file["modelctl/splits/train/id"]) == 900
    assert "optimizer_weights" not in file
    assert file["modelctl"].attrs["encoding-version"] == "1.0"
    """

  @Test func anUnlearnedCheckpointAndItsExportHoldTheSame() throws {
    let folder = try TemporaryDirectory()
    let samples = JSONSchema.folder.deletingLastPathComponent().appendingPathComponent("samples")
    let forget = samples.appendingPathComponent("forget.txt").path
    let (out, archive) = (folder.path("out.h5"), folder.path("out.npz"))
    let unlearned = try Tool.run(
      "unlearn", samples.appendingPathComponent("digits.h5").path, out, "--forget", forget)
    #expect(unlearned.status == 0, "\(unlearned.output) \(unlearned.errors)")
    #expect(try Tool.run("export", out, archive).status == 0)
    let python = try #require(Python.path)
    let result = try Python.run(python, Self.script, [out, archive, forget])
    #expect(result.status == 0, "\(result.errors)")
  }
}
