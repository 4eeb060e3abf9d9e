internal import Conversion
internal import Foundation
internal import ModelCore

/// The arrays that an import is given, sorted by what they are for.
///
/// An array's name says it: `train/x`, `train/y` and `train/id` are a split's inputs, targets and
/// ids, anything else is a weight. The name is the array's own in an `.npz`; elsewhere it is
/// written before the file (`train/x=images.npy`), or follows from a file name that everybody
/// knows (`train-images-idx3-ubyte.gz`).
struct ImportArrays {
  struct Split {
    var x: NamedArray?
    var y: NamedArray?
    var id: NamedArray?
  }

  private(set) var splits: [String: Split] = [:]
  private(set) var weights: [NamedArray] = []

  init(_ arguments: [String]) throws {
    for argument in arguments {
      let (name, path) = Self.parse(argument)
      for array in try ForeignArrays.open(path) {
        try place(array, as: name ?? Self.wellKnownName(of: path) ?? array.name, path)
      }
    }
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
