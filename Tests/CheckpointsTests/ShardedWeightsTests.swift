import Foundation
import HDF5
import ModelCore
import TestSupport
import Testing

@testable import Checkpoints

/// Weights in several files, as Keras writes them with `max_shard_size`.
@Suite struct ShardedWeightsTests {
  private let folder: TemporaryDirectory

  init() throws { folder = try TemporaryDirectory() }

  private static let index = Flavours.path("sharded.weights.json")

  private func write(_ index: String, _ name: String = "bad.weights.json") throws -> String {
    let path = folder.path(name)
    try Data(index.utf8).write(to: URL(fileURLWithPath: path))
    return path
  }

  @Test func shardsAreOneFileOfWeights() throws {
    let sharded = try Checkpoint(reading: Self.index)
    let whole = try Flavours.open("sharded.weights.h5")
    #expect(sharded.flavour == .weights)
    #expect(try Flavours.weights(of: sharded) == Flavours.weights(of: whole))
    #expect(sharded.storedWeights.count == 6)
    #expect(sharded.hasOptimizerState)
    let arrays = (try sharded.otherArrays().arrays, try whole.otherArrays().arrays)
    #expect(arrays.0.map(\.path).sorted() == arrays.1.map(\.path).sorted())
  }

  @Test func theyAreWrittenIntoOneFile() throws {
    let sharded = try Checkpoint(reading: Self.index)
    let out = folder.path("out.weights.h5")
    try sharded.rewrite(CheckpointChanges(), to: out)
    #expect(try Flavours.weights(of: Checkpoint(reading: out)) == Flavours.weights(of: sharded))
    let error = #expect(throws: CheckpointError.self) {
      try sharded.rewrite(CheckpointChanges(), to: folder.path("out.weights.json"))
    }
    #expect(error?.problem == .otherFlavour(.weights))
    #expect(try folder.contents == ["out.weights.h5"])
  }

  @Test(arguments: [
    (#"{"weight_map": {"/vars": ["../x.weights.h5"]}}"#, "names of files in the same folder"),
    (#"{"weight_map": {"/vars": [".."]}}"#, "names of files in the same folder"),
    (#"{"weight_map": {"/vars": [3]}}"#, "names of files in the same folder"),
    (#"{"weight_map": {}}"#, "names of shards"), ("{}", "names of shards"), ("[1]", "shards"),
    ("{", "JSON"), (#"{"weight_map": {"/vars": "absent.weights.h5"}}"#, "absent.weights.h5"),
  ])
  func anIndexThatLeadsElsewhereIsRefused(_ text: String, _ words: String) throws {
    let path = try write(text)
    let error = #expect(throws: CheckpointError.self) { try Checkpoint(reading: path) }
    #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
  }

  @Test func whatTwoShardsHaveIsRefused() throws {
    for name in ["a.weights.h5", "b.weights.h5"] {
      try FileManager.default.copyItem(
        atPath: Flavours.path("plain.weights.h5"), toPath: folder.path(name))
    }
    let path = try write(#"{"weight_map": {"/vars": ["a.weights.h5", "b.weights.h5"]}}"#)
    let error = #expect(throws: CheckpointError.self) { try Checkpoint(reading: path) }
    #expect(error?.description.contains("b.weights.h5") == true, "\(error?.description ?? "")")
    #expect(error?.kind == .badInput)
  }
}
