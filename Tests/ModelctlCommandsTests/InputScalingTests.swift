import Foundation
import ModelCore
import TestSupport
import Testing

/// Samples that reach the network otherwise than in its training.
@Suite struct InputScalingTests {
  private let folder: TemporaryDirectory
  private let samples = JSONSchema.folder.deletingLastPathComponent()
    .appendingPathComponent("samples")

  init() throws { folder = try TemporaryDirectory() }

  private func path(_ name: String) -> String { samples.appendingPathComponent(name).path }

  private func network(_ layers: String) throws -> String {
    let path = folder.path("network.json")
    try """
    {"class_name": "Sequential", "config": {"name": "net", "layers": [
      {"class_name": "InputLayer", "config": {"batch_shape": [null, 8, 8, 1], "name": "input"}},
      \(layers),
      {"class_name": "Flatten", "config": {"name": "flatten"}},
      {"class_name": "Dense", "config": {"name": "head", "units": 10, "activation": "softmax"}}]}}
    """.write(toFile: path, atomically: true, encoding: .utf8)
    return path
  }

  /// Unlearning would fit a model to samples that mean nothing to it, and every test would pass.
  @Test func aModelThatDoesNotKnowTheSamplesIsNotTouched() throws {
    let (data, out) = (folder.path("data.h5"), folder.path("out.h5"))
    let made = try Tool.run(
      "import", path("optdigits.npz"), data, "--unseen", "2000", "--scale=-1/16", "-q")
    #expect(made.status == 0, "\(made.errors)")
    for command in [["unlearn", path("digits.h5"), out], ["tune", path("digits.h5")]] {
      let result = try Tool.run(
        command + ["--data", data, "--forget", "-", "--threads", "1"], input: "0\n1\n2\n")
      #expect(result.status == 65, "\(result.output) \(result.errors)")
      #expect(result.errors.contains("chance"), "\(result.errors)")
      #expect(result.errors.contains("scaled"), "\(result.errors)")
    }
    #expect(try !folder.contents.contains("out.h5"))
  }

  @Test(arguments: [
    (
      #"{"class_name": "Rescaling", "config": {"name": "by", "scale": 0.0625, "offset": 0.0}}"#, 1.0
    ),
    (#"{"class_name": "ReLU", "config": {"name": "relu"}}"#, 1.0 / 255),
  ])
  func bytesAreScaledOnce(_ layer: String, scale: Double) throws {
    let result = try Tool.run(
      "import", path("optdigits.npz"), folder.path("net.h5"), "--architecture",
      try network(layer), "--json")
    let found = try #require(try result.json()["scale"] as? [Double])
    #expect(found.count == 1 && abs(found[0] - scale) < 1e-6)
  }

  @Test func samplesThatAreScaledTwiceAreMentioned() throws {
    let (model, data) = (folder.path("net.h5"), folder.path("data.h5"))
    let layer = #"{"class_name": "Rescaling", "config": {"name": "by", "scale": 0.0625}}"#
    let architecture = try network(layer)
    try Tool.run("import", path("optdigits.npz"), model, "--architecture", architecture, "-q")
    for (scale, isMentioned) in [("1/255", true), ("1", false)] {
      try Tool.run("import", path("optdigits.npz"), data, "--scale", scale, "-q")
      let result = try Tool.run("evaluate", model, "--data", data, "--split", "train")
      #expect(result.status == 0, "\(result.errors)")
      #expect(result.errors.contains("layer 'by', Rescaling") == isMentioned, "\(result.errors)")
    }
  }
}
