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
    let newest = entries.count - 1
    if newest >= 0, entries[newest].key == key { return entries[newest].plan }
    if let index = entries.firstIndex(where: { $0.key == key }) {
      entries.append(entries.remove(at: index))
      return entries[newest].plan
    }
    // Before the new one is made, so that never more than `capacity` are in memory.
    if entries.count == Self.capacity { entries.removeFirst() }
    let plan = try make()
    made += 1
    entries.append((key, plan))
    return plan
  }
}
