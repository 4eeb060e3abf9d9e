import Evidence
import ModelCore

extension Case {
  /// Which rows a seed forgets: so many at random, a class, or a request that is no random sample.
  func forgetRows(_ what: String, seed: Int, original: Parameters) throws -> [Int] {
    if let count = Int(what) {
      return (0..<Case.trainCount).filter { (7919 * $0 + 1009 * seed) % 10_000 < count }
    }
    if what == "class" {
      return (0..<Case.trainCount).filter { train.labels[$0] == Int32(3 * seed % 10) }
    }
    var random = SeededGenerator(seed: UInt64(seed), stream: "reference/\(what)")
    func some(_ rows: [Int], _ count: Int) -> [Int] {
      var rows = rows
      random.shuffle(&rows)
      return rows.prefix(count).sorted()
    }
    let all = Array(0..<Case.trainCount)
    switch what {
    case "one": return some(all, 1)
    case "five": return some(all, 5)
    case "hard":
      let margins = try responses(network(original), train).margins
      return some(Array(all.sorted { margins[$0] < margins[$1] }.prefix(1000)), 100)
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
    default: throw CaseError("--forget: a number, class, one, five, hard or cluster")
    }
  }
}
