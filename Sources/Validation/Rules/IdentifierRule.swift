internal import Checkpoints
internal import ModelCore

/// Looks for ids that occur twice, in memory that does not grow with their number.
struct IdentifierRule {
  let checkpoint: Checkpoint
  let checkInterruption: () throws -> Void
  /// How many ids are compared in one pass over the file.
  var idsPerPass = 4 << 20

  func run(_ findings: inout Findings) throws {
    let count = checkpoint.splits.reduce(0) { $0 + $1.layout.count }
    let passes = max(1, (count + idsPerPass - 1) / idsPerPass)
    for pass in 0..<passes {
      let twice = try hashesThatOccurTwice(pass, of: passes, capacity: count / passes)
      guard !twice.isEmpty else { continue }
      try report(twice, &findings)
    }
  }

  private func hashesThatOccurTwice(
    _ pass: Int, of passes: Int, capacity: Int
  ) throws -> Set<Int> {
    var hashes: [Int] = []
    hashes.reserveCapacity(capacity)
    try checkpoint.forEachIdentifier(checkInterruption) { _, _, identifier in
      let hash = identifier.hashValue
      if hash.magnitude % UInt(passes) == UInt(pass) { hashes.append(hash) }
    }
    hashes.sort()
    return Set(zip(hashes, hashes.dropFirst()).filter { $0 == $1 }.map(\.0))
  }

  /// Two ids may have one hash by accident, so they are compared themselves.
  private func report(_ hashes: Set<Int>, _ findings: inout Findings) throws {
    var first: [SampleIdentifier: String] = [:]
    try checkpoint.forEachIdentifier(checkInterruption) { split, row, identifier in
      guard hashes.contains(identifier.hashValue) else { return }
      let place = "\(split.path)/id[\(row)]"
      if let other = first[identifier] {
        findings.add(
          .uniqueIdentifiers, at: place, expected: "an id of its own",
          found: "the one that \(other) has")
      } else if first.count < 1 << 20 {
        first[identifier] = place
      }
    }
  }
}

extension Checkpoint {
  /// Hands over the ids of all splits, one after another.
  func forEachIdentifier(
    _ checkInterruption: () throws -> Void,
    _ body: (StoredSplit, Int, SampleIdentifier) throws -> Void
  ) throws {
    for split in splits {
      for start in stride(from: 0, to: split.layout.count, by: 16_384) {
        try checkInterruption()
        let rows = start..<min(start + 16_384, split.layout.count)
        for (row, identifier) in zip(rows, try identifiers(of: split, rows: rows)) {
          try body(split, row, identifier)
        }
      }
    }
  }
}
