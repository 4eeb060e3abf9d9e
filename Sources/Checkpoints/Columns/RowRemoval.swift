/// Which rows of a column go, and which ones come into their places.
///
/// The last rows that stay move up into the gaps, in order. All others stay where they are, and
/// so do the chunks that hold nothing else.
struct RowRemoval {
  /// How many rows stay.
  let remaining: Int
  /// The gaps that are filled, in rising order.
  private let gaps: [Int]
  /// What fills each of them.
  private let fillers: [Int]

  /// - Parameters:
  ///   - removed: within `0..<count`, each once.
  ///   - count: how many rows there are.
  init(_ removed: some Collection<Int>, of count: Int) {
    let sorted = removed.sorted()
    let remaining = count - sorted.count
    self.remaining = remaining
    gaps = Array(sorted.prefix { $0 < remaining })
    let gone = Set(sorted.dropFirst(gaps.count))
    fillers = (remaining..<count).filter { !gone.contains($0) }
  }

  /// The gaps among some places, in runs that neighbouring rows fill.
  ///
  /// - Returns: where each run goes in the new column, and where it comes from.
  func moves(into places: Range<Int>) -> [(place: Int, rows: Range<Int>)] {
    var result: [(place: Int, rows: Range<Int>)] = []
    var index = gaps.partitioningIndex { $0 >= places.lowerBound }
    while index < gaps.count, gaps[index] < places.upperBound {
      let (gap, filler) = (gaps[index], fillers[index])
      if let last = result.last, last.rows.upperBound == filler,
        last.place + last.rows.count == gap
      {
        result[result.count - 1].rows = last.rows.lowerBound..<filler + 1
      } else {
        result.append((gap, filler..<filler + 1))
      }
      index += 1
    }
    return result
  }

  /// Whether some places keep the rows that they have.
  func keeps(_ places: Range<Int>) -> Bool {
    guard places.upperBound <= remaining else { return false }
    let index = gaps.partitioningIndex { $0 >= places.lowerBound }
    return index == gaps.count || gaps[index] >= places.upperBound
  }
}

extension Array {
  /// The first index at which a condition holds that holds for all later ones too.
  fileprivate func partitioningIndex(_ holds: (Element) -> Bool) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if holds(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
