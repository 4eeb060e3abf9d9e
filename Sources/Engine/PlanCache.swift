/// The plans in use: a few batch sizes at most, the least recently used goes first.
struct PlanCache {
  struct Key: Hashable {
    let samples: Int
    let purpose: Plan.Purpose
  }

  private static let capacity = 8
  private var entries: [(key: Key, plan: Plan)] = []

  /// How many plans have been made, those that are gone included.
  private(set) var made = 0

  var all: [Plan] { entries.map(\.plan) }

  mutating func plan(_ key: Key, orMake make: () throws -> Plan) rethrows -> Plan {
    if let index = entries.firstIndex(where: { $0.key == key }) {
      if index != entries.count - 1 { entries.append(entries.remove(at: index)) }
      return entries[entries.count - 1].plan
    }
    // Before the new one is made, so that never more than `capacity` are in memory.
    if entries.count == Self.capacity { entries.removeFirst() }
    let plan = try make()
    made += 1
    entries.append((key, plan))
    return plan
  }
}
