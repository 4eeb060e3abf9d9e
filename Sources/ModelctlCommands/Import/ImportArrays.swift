internal import Conversion
internal import Foundation
internal import ModelCore

/// The arrays that an import is given, sorted by what they are for.
///
/// An array's name says it: `train/x`, `train/y` and `train/id` are a split's inputs, targets and
/// ids, anything else is a weight. The name is the array's own in an `.npz`; elsewhere it is
/// written before the file (`train/x=images.npy`), or follows from a file name that everybody
/// knows (`train-images-idx3-ubyte.gz`). Tables (`.csv`, `.tsv`) and the batches of CIFAR (`.bin`)
/// hold a split each: `test=table.csv`.
struct ImportArrays {
  struct Split {
    var x: NamedArray?
    var y: NamedArray?
    var id: NamedArray?
  }

  private(set) var splits: [String: Split] = [:]
  private(set) var weights: [NamedArray] = []
  /// The classes' names, where the labels of a table are names.
  private(set) var classNames: [String]?

  /// - Parameter tables: how tables are to be read.
  init(_ arguments: [String], tables: TableOptions) throws {
    var batches: [String: [String]] = [:]
    classNames = tables.classNames
    // The labels of the training data decide what the classes are.
    for argument in arguments.sorted(by: { Self.isTraining($0) && !Self.isTraining($1) }) {
      let (name, path) = Self.parse(argument)
      if Self.isTable(path) {
        try addTable(path, to: name ?? Self.splitName(of: path), tables)
        continue
      }
      if CIFARBatch.isName(URL(fileURLWithPath: path).lastPathComponent) {
        batches[name ?? Self.splitName(of: path), default: []].append(path)
        continue
      }
      for array in try ForeignArrays.open(path) {
        try place(array, as: name ?? Self.wellKnownName(of: path) ?? array.name, path)
      }
    }
    for (split, paths) in batches {
      let (x, y) = try CIFARBatch.open(paths)
      try place(x, as: "\(split)/x", paths[0])
      try place(y, as: "\(split)/y", paths[0])
    }
  }

  private static func isTraining(_ argument: String) -> Bool {
    let (name, path) = parse(argument)
    return isTable(path) && (name ?? splitName(of: path)) == "train"
  }

  private static func isTable(_ path: String) -> Bool {
    let name = path.lowercased()
    return [".csv", ".tsv", ".csv.gz", ".tsv.gz"].contains { name.hasSuffix($0) }
  }

  /// The split that a file with a whole one holds, by its name; training data if that says nothing.
  private static func splitName(of path: String) -> String {
    let file = URL(fileURLWithPath: path).lastPathComponent.lowercased()
    let stem = file.prefix { $0.isLetter }
    return ["train", "test", "validation", "unseen"].first { $0 == stem } ?? "train"
  }

  private mutating func addTable(
    _ path: String, to split: String, _ tables: TableOptions
  ) throws {
    let isTabbed = path.lowercased().contains(".tsv")
    let table = try CSVTable(
      path: path, columns: tables.columns, separator: tables.separator ?? (isTabbed ? "\t" : ","),
      classNames: classNames)
    classNames = table.classNames ?? classNames
    try place(table.inputs, as: "\(split)/x", path)
    try place(table.labels, as: "\(split)/y", path)
    if let ids = table.ids { try place(ids, as: "\(split)/id", path) }
  }

  /// The path in an argument.
  static func path(_ argument: String) -> String { parse(argument).path }

  /// Every array that was found.
  var all: [NamedArray] {
    splits.values.flatMap { [$0.x, $0.y, $0.id].compactMap { $0 } } + weights
  }

  /// `name=path`, unless the whole is the path of a file.
  private static func parse(_ argument: String) -> (name: String?, path: String) {
    guard let equals = argument.firstIndex(of: "="),
      !FileManager.default.fileExists(atPath: argument)
    else { return (nil, argument) }
    return (String(argument[..<equals]), String(argument[argument.index(after: equals)...]))
  }

  /// The name that the files of the MNIST family carry.
  private static func wellKnownName(of path: String) -> String? {
    let file = URL(fileURLWithPath: path).lastPathComponent
    for (start, split) in [("train-", "train"), ("t10k-", "test")] where file.hasPrefix(start) {
      if file.contains("-images-") || file.contains("-images.") { return "\(split)/x" }
      if file.contains("-labels-") || file.contains("-labels.") { return "\(split)/y" }
    }
    return nil
  }

  /// The names that people give to arrays of data, beside our own.
  private static let aliases = [
    "x": "train/x", "y": "train/y", "id": "train/id", "ids": "train/id",
    "x_train": "train/x", "y_train": "train/y", "x_test": "test/x", "y_test": "test/y",
    "x_val": "validation/x", "y_val": "validation/y",
  ]

  private mutating func place(_ array: NamedArray, as given: String, _ path: String) throws {
    let name = Self.aliases[given] ?? given
    var parts = name.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    if parts.count == 3, parts[0] == "splits" { parts.removeFirst() }
    guard parts.count == 2, let part = Self.part(parts[1]) else {
      guard name.contains("/") || name.contains(".") else {
        throw CommandError(
          .usage,
          "\(path.quoted): what is this array? write its name before it, such as "
            + "train/x=\(path.unquoted), train/y=… or dense/kernel=…")
      }
      weights.append(array)
      return
    }
    guard splits[parts[0]]?[keyPath: part] == nil else {
      throw CommandError(.usage, "\(name.quoted) is given twice, again by \(path.quoted)")
    }
    splits[parts[0], default: Split()][keyPath: part] = array
  }

  private static func part(_ name: String) -> WritableKeyPath<Split, NamedArray?>? {
    switch name {
    case "x": \.x
    case "y": \.y
    case "id", "ids": \.id
    default: nil
    }
  }
}
