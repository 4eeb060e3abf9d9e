import Foundation
import ModelCore
import TestSupport
import Testing
import Zip

@testable import Conversion

@Suite struct WeightNamesTests {
  let folder: TemporaryDirectory
  let specifications: [ParameterSpecification]

  init() throws {
    folder = try TemporaryDirectory()
    specifications = try Architecture(
      name: "net",
      layers: [
        Layer(name: "in", kind: .input(shape: Shape([3])), inputs: []),
        Layer(name: "dense", kind: .dense(Dense(units: 2)), inputs: ["in"]),
        Layer(
          name: "block/fc.1", kind: .dense(Dense(units: 2, usesBias: false)), inputs: ["dense"]),
      ], output: "block/fc.1"
    ).parameterSpecifications()
  }

  func match(_ shapes: [(String, [Int])]) throws -> [ParameterName: NamedArray] {
    var export = ArrayExport()
    for (name, shape) in shapes {
      let shape = try Shape(shape)
      try export.add(
        Tensor(floats: .init(repeating: 0, count: shape.elementCount), shape: shape), named: name)
    }
    try export.write(to: folder.path("w.npz"))
    return try WeightNames.match(
      ForeignArrays.open(folder.path("w.npz")), to: specifications, file: "w.npz")
  }

  func report(_ shapes: [(String, [Int])]) throws -> WeightReport {
    try #require(throws: WeightMismatch.self) { try match(shapes) }.report
  }

  @Test(arguments: [
    ["dense/kernel", "dense/bias", "block/fc.1/kernel"],
    ["dense/kernel:0", "dense/bias:0", "block/fc.1/kernel:0"],
    ["dense.kernel", "dense.bias", "block/fc.1.kernel"],
    ["dense/dense/kernel:0", "dense/dense/bias:0", "block/fc.1/block/fc.1/kernel:0"],
    ["block/fc.1/kernel", "dense.dense.bias", "dense/dense/kernel"],
  ])
  func weightsAreFoundByAnyOfTheirNames(_ names: [String]) throws {
    let shapes = names.map { name in
      (name, name.contains("bias") ? [2] : name.hasPrefix("block") ? [2, 2] : [3, 2])
    }
    let found = try match(shapes + [("splits/train/y", [5])])
    #expect(Set(found.keys) == Set(specifications.map(\.name)))
    for specification in specifications {
      #expect(found[specification.name]?.shape == specification.shape)
    }
  }

  @Test func everythingThatDoesNotFitIsReportedAtOnce() throws {
    let report = try report([
      ("dense/kernel", [2, 3]), ("dense.kernel", [3, 2]), ("other", [1]), ("x/y", [1]),
    ])
    #expect(report.missing.map(\.description) == ["dense/bias", "block/fc.1/kernel"])
    #expect(report.unused == ["other", "x/y"])
    #expect(
      report.misfits == [
        .init(
          name: ParameterName(layer: "dense", role: "kernel"), expected: try Shape([3, 2]),
          found: "float32 of shape [2, 3]")
      ])
    #expect(report.ambiguous.map(\.arrays) == [["dense/kernel", "dense.kernel"]])
    #expect(
      report.description
        == "missing weights: 'dense/bias', 'block/fc.1/kernel'; "
        + "arrays that are no weights: 'other', 'x/y'; "
        + "wrong shapes or types: 'dense/kernel' expected floats [3, 2], found float32 of shape [2, 3]; "
        + "several arrays for one weight: 'dense/kernel' in 'dense/kernel' and 'dense.kernel'")
  }

  @Test func textIsNoWeight() throws {
    var export = ArrayExport()
    try export.add(["a", "b"], named: "dense/bias")
    try export.write(to: folder.path("w.npz"))
    let error = try #require(throws: WeightMismatch.self) {
      try WeightNames.match(
        ForeignArrays.open(folder.path("w.npz")), to: specifications, file: "w.npz")
    }
    #expect(error.description.contains("expected floats [2], found text of shape [2]"))
  }

  @Test func integersAreNoWeights() throws {
    var export = ArrayExport()
    try export.add(Tensor(integers: [1, 2], shape: Shape([2])), named: "dense/bias")
    try export.write(to: folder.path("w.npz"))
    let error = try #require(throws: WeightMismatch.self) {
      try WeightNames.match(
        ForeignArrays.open(folder.path("w.npz")), to: specifications, file: "w.npz")
    }
    #expect(error.description.contains("expected floats [2], found int64 of shape [2]"))
  }

  @Test func longListsAreCutShort() throws {
    let report = try report((0..<25).map { ("array\($0)", [1]) })
    #expect(report.unused.count == 25)
    #expect(report.description.contains("'array9', and 15 more"))
  }

  @Test(arguments: [
    ("a/b", ["a/b"]), ("a/b:0", ["a/b"]), ("a/b:x", ["a/b:x"]), ("a", []), (":0", []),
    ("a.b/c", ["a.b/c", "a/b/c"]), ("a/a/b", ["a/a/b", "a/b"]),
  ])
  func aNameMayStandForSeveralWeights(_ name: String, _ expected: [String]) {
    #expect(WeightNames.candidates(name).map(\.description) == expected)
  }
}
