public import Foundation
public import ModelCore

/// A sound file with one thing broken, as `tools/hostile/make` describes it.
public struct HostileFile: Sendable, CustomStringConvertible {
  public let name: String
  /// What is wrong with it, in words.
  public let reason: String
  /// Whether only those notice who read its data, or nobody at all.
  public let opens: Bool
  public let bytes: Data

  public var description: String { "\(name): \(reason)" }

  private struct Entry: Decodable {
    let reason: String
    let opens: Bool
    let base: String
    let length: Int
    let changes: [Change]
  }

  /// An offset, and the bytes that come there, in hexadecimal.
  private struct Change: Decodable {
    let offset: Int
    let bytes: [UInt8]

    init(from decoder: any Decoder) throws {
      var list = try decoder.unkeyedContainer()
      offset = try list.decode(Int.self)
      let digits = Array(try list.decode(String.self))
      bytes = stride(from: 0, to: digits.count - 1, by: 2).compactMap {
        UInt8(String(digits[$0...$0 + 1]), radix: 16)
      }
    }
  }

  /// All of them, by name.
  public static let all: [HostileFile] = (try? read()) ?? []

  private static func read() throws -> [HostileFile] {
    let table = try JSONDecoder().decode(
      [String: Entry].self, from: Fixtures.data("hostile/hostile.json"))
    return try table.sorted { $0.key < $1.key }.map { name, entry in
      var bytes = [UInt8](try Fixtures.data("hostile/sound-\(entry.base).h5").prefix(entry.length))
      bytes += [UInt8](repeating: 0, count: entry.length - bytes.count)
      for change in entry.changes {
        bytes.replaceSubrange(
          change.offset..<change.offset + change.bytes.count, with: change.bytes)
      }
      return HostileFile(
        name: name, reason: entry.reason, opens: entry.opens, bytes: Data(bytes))
    }
  }

  public static func named(_ name: String) -> HostileFile? { all.first { $0.name == name } }

  /// The same file with a few bytes changed at places that the seed decides.
  public static func change(
    _ bytes: Data, seed: UInt64, stream: String = "flips"
  ) -> (bytes: Data, places: [Int]) {
    var random = SeededGenerator(seed: seed, stream: stream)
    var changed = [UInt8](bytes)
    // Most of a file is data; what leads to it is where something is not zero, or at its start.
    let places = changed.indices.filter { changed[$0] != 0 || $0 < 2048 }
    let chosen = (0..<1 + random.next(below: 3)).map { _ in
      places[random.next(below: places.count)]
    }
    for place in chosen {
      let values = [changed[place] ^ 1 << UInt8(random.next(below: 8)), 0, 255, 127, 128]
      changed[place] = values[random.next(below: values.count)]
    }
    return (Data(changed), chosen)
  }
}
