internal import ArgumentParser
internal import ModelCore

/// How much of the training data a split is cut from: a number of samples, or a percentage.
enum SplitSize: Hashable, ExpressibleByArgument {
  case count(Int)
  case percent(Double)

  init?(argument: String) {
    if argument.hasSuffix("%"), let percent = Double(argument.dropLast()), (0...100) ~= percent {
      self = .percent(percent)
    } else if let count = Int(argument), count >= 0 {
      self = .count(count)
    } else {
      return nil
    }
  }

  func count(of total: Int) -> Int {
    switch self {
    case .count(let count): count
    case .percent(let percent): Int((Double(total) * percent / 100).rounded())
    }
  }
}

/// Cuts splits out of a training set so that each has the classes in the set's own proportions.
///
/// Every class is put in a seeded random order and its samples are spread evenly over 0 to 1;
/// read in that order, any prefix has nearly the right share of each class.
struct SplitCut {
  /// The rows in the order that splits are cut in.
  private let order: [Int]

  /// - Parameter labels: `[N]` the class of each row.
  init(labels: [Int32], seed: UInt64) {
    var random = SeededGenerator(seed: seed, stream: "import/cut")
    var rowsByClass: [Int32: [Int]] = [:]
    for (row, label) in labels.enumerated() { rowsByClass[label, default: []].append(row) }
    var placed: [(place: Double, label: Int32, row: Int)] = []
    for label in rowsByClass.keys.sorted() {
      var rows = rowsByClass[label] ?? []
      random.shuffle(&rows)
      for (index, row) in rows.enumerated() {
        placed.append(((Double(index) + 0.5) / Double(rows.count), label, row))
      }
    }
    placed.sort { ($0.place, $0.label) < ($1.place, $1.label) }
    order = placed.map(\.row)
  }

  /// Consecutive cuts of the given sizes, then the rest; each ascending.
  ///
  /// - Throws: `CommandError` when nothing would be left to train on.
  func rows(sizes: [Int]) throws -> (cuts: [[Int]], rest: [Int]) {
    var remaining = order[...]
    var cuts: [[Int]] = []
    for size in sizes {
      guard size < remaining.count else {
        throw CommandError(
          .badInput,
          "cannot cut \(sizes.map(String.init).joined(separator: " + ")) samples from "
            + "\(order.count.grouped) training samples: none would be left to train on")
      }
      cuts.append(remaining.prefix(size).sorted())
      remaining = remaining.dropFirst(size)
    }
    return (cuts, remaining.sorted())
  }
}
