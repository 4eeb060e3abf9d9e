import Foundation
import HDF5
import ModelCore
import TestSupport
import Testing
import Zip

@testable import Checkpoints

/// One model in every flavour, written by Keras and h5py, and what Keras says is in it.
enum Flavours {
  struct Weight: Hashable {
    let name: String
    let type: String
    let shape: [Int]
    let sha256: String
  }

  struct Note {
    let flavour: String
    let weights: Set<Weight>
  }

  static func path(_ name: String) -> String { Fixtures.path("flavours/\(name)") }

  static func open(_ name: String, architecture: String? = nil) throws -> Checkpoint {
    try Checkpoint(
      reading: path(name), architecture: architecture.map { try Fixtures.text("flavours/\($0)") })
  }

  static let notes: [String: Note] = (try? read()) ?? [:]

  private static func read() throws -> [String: Note] {
    let json = try #require(JSONValue(parsing: Fixtures.text("flavours/expected.json")).object)
    return try json.mapValues { note in
      let weights = try #require(note["weights"]?.array).map { weight in
        Weight(
          name: "\(weight["layer"]?.string ?? "")/\(weight["role"]?.string ?? "")",
          type: weight["dtype"]?.string ?? "",
          shape: (weight["shape"]?.array ?? []).compactMap { $0.integer.map(Int.init) },
          sha256: weight["sha256"]?.string ?? "")
      }
      return Note(flavour: note["flavour"]?.string ?? "", weights: Set(weights))
    }
  }

  static func weights(of checkpoint: Checkpoint) throws -> Set<Weight> {
    Set(
      try checkpoint.storedWeights.map { weight in
        Weight(
          name: weight.parameterName.description, type: weight.elementType.rawValue,
          shape: weight.shape.dimensions, sha256: sha256(of: try checkpoint.tensor(weight).bytes))
      })
  }

  /// The members of an archive, unpacked.
  static func members(of path: String) throws -> [(name: String, bytes: [UInt8])] {
    let archive = try ZipArchive(path: path)
    return try archive.members.map {
      ($0.name, try ZipMemberStream($0, of: archive).bytes(at: 0, count: $0.size))
    }
  }

  static func write(_ members: [(name: String, bytes: [UInt8])], to path: String) throws {
    try ZipWriter.write(
      members.map { member in
        ZipContent(name: member.name, byteCount: member.bytes.count, chunkCount: 1) { _ in
          member.bytes
        }
      }, to: path, for: path)
  }
}
