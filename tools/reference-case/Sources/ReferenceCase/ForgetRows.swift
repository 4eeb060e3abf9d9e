import Evidence
import ModelCore

extension Case {
  /// So many rows that depend on the seed alone, ascending.
  func rows(_ count: Int, seed: Int) -> [Int] {
    (0..<size).filter { (7919 * $0 + 1009 * seed) % size < count }
  }

  /// Which rows a seed forgets: so many at random, or a request that is no random sample.
  func forgetRows(_ what: String, seed: Int, original: Parameters) throws -> [Int] {
    if let count = Int(what) { return rows(count, seed: seed) }
    var random = SeededGenerator(seed: UInt64(seed), stream: "reference/\(what)")
    func some(_ rows: [Int], _ count: Int) -> [Int] {
      var rows = rows
      random.shuffle(&rows)
      return rows.prefix(count).sorted()
    }
    let all = Array(0..<size)
    switch what {
    case "one": return some(all, 1)
    case "five": return some(all, 5)
    case "hard", "easy":
      let margins = try responses(network(original), train).margins
      let sign = what == "hard" ? 1.0 : -1
      let order = all.sorted { sign * margins[$0] < sign * margins[$1] }
      return some(Array(order.prefix(size / 10)), size / 100)
    case "cluster":
      let centre = some(all, 1)[0]
      let pixels = train.pixels
      func distance(_ row: Int) -> Int {
        (0..<784).reduce(0) {
          let d = Int(pixels[row * 784 + $1]) - Int(pixels[centre * 784 + $1])
          return $0 + d * d
        }
      }
      let distances = all.map(distance)
      return all.sorted { distances[$0] < distances[$1] }.prefix(50).sorted()
    default: throw CaseError("no such request: '\(what)'")
    }
  }
}
