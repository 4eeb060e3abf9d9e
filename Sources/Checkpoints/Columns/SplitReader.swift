internal import HDF5
internal import ModelCore

/// Reads what the splits of a file are, and checks that their columns go together.
struct SplitReader {
  let file: HDF5File
  let classNames: [String]?
  let scale: [Float]
  let offset: [Float]
  /// How many classes the network tells apart, if it is known.
  let networkClassCount: Int?

  func all() throws -> [StoredSplit] {
    var splits: [StoredSplit] = []
    for name in file.names(in: FormatPaths.splits) {
      splits.append(try split(name))
    }
    if let first = splits.first, let other = splits.first(where: { $0.idKind != first.idKind }) {
      throw malformed(
        FormatPaths.splits, "ids of one kind in all splits",
        "\(first.idKind.rawValue) in '\(first.name)', \(other.idKind.rawValue) in '\(other.name)'")
    }
    return splits
  }

  private func split(_ name: String) throws -> StoredSplit {
    let group = try file.group(at: HDF5File.path(FormatPaths.splits, name))
    let role = try role(of: group, name)
    let x = try column(FormatPaths.inputs, of: group)
    let y = try column(FormatPaths.targets, of: group)
    let id = try column(FormatPaths.identifiers, of: group)
    guard x.shape.count >= 2, let type = try ElementType(of: x) else {
      throw malformed(
        x.path, "numbers [N, ...], one row for each sample", "\(x.type) \(x.shape)")
    }
    guard x.rowCount == y.rowCount, x.rowCount == id.rowCount else {
      throw malformed(
        group.path, "as many targets and ids as inputs",
        "\(x.rowCount) inputs, \(y.rowCount) targets, \(id.rowCount) ids")
    }
    let targets = try classCount(of: y)
    let sample = try Shape(Array(x.shape.dropFirst()))
    try checkChannels(sample, of: x)
    let layout = SampleLayout(
      count: x.rowCount, sampleShape: sample, elementType: type,
      rowsPerBlock: try rowsPerBlock(x), scale: scale, offset: offset, classCount: targets.count,
      name: name)
    return StoredSplit(
      name: name, role: role, layout: layout, idKind: try identifierKind(of: id),
      hasClassIndices: targets.areIndices, storedByteCount: x.description.storedByteCount)
  }

  private func role(of group: HDF5Group, _ name: String) throws -> SplitRole {
    let text = try group.string(attribute: "role") ?? name
    guard let role = SplitRole(rawValue: text) else {
      let roles = SplitRole.allCases.map(\.rawValue).joined(separator: ", ")
      throw malformed(group.path, "a role out of \(roles)", "'\(text)'")
    }
    return role
  }

  private func column(_ name: String, of group: HDF5Group) throws -> HDF5Dataset {
    let path = HDF5File.path(group.path, name)
    guard case .dataset = file.node(at: path) else {
      throw malformed(group.path, "the datasets 'x', 'y' and 'id'", "no '\(name)'")
    }
    let dataset = try file.dataset(at: path)
    guard !dataset.shape.isEmpty else {
      throw malformed(path, "one row for each sample", "a single value")
    }
    return dataset
  }

  private func identifierKind(of id: HDF5Dataset) throws -> SampleIdentifierKind {
    guard id.shape.count == 1 else {
      throw malformed(id.path, "one id for each sample", "the shape \(id.shape)")
    }
    if id.holdsStrings { return .strings }
    guard let type = try ElementType(of: id), !type.isFloatingPoint, type != .bool else {
      throw malformed(id.path, "integers or strings", id.type.description)
    }
    return .integers
  }

  /// Counting samples by class takes memory for each class, also for those that only a damaged
  /// label, or a layer of absurd width, speaks of.
  private static let mostClasses = 1 << 20

  private func classCount(of y: HDF5Dataset) throws -> (count: Int, areIndices: Bool) {
    let result = try declaredClassCount(of: y)
    guard result.count <= Self.mostClasses else {
      throw malformed(y.path, "at most \(Self.mostClasses) classes", "\(result.count)")
    }
    return result
  }

  private func declaredClassCount(of y: HDF5Dataset) throws -> (count: Int, areIndices: Bool) {
    let type = try ElementType(of: y)
    if let type, type.isFloatingPoint, y.shape.count == 2 { return (y.shape[1], false) }
    guard let type, !type.isFloatingPoint, y.shape.count == 1 else {
      throw malformed(
        y.path, "class indices [N] of an integer type, or probabilities [N, C] of a float type",
        "\(y.type) \(y.shape)")
    }
    if let classNames { return (classNames.count, true) }
    // A single score tells two classes apart, so its length says nothing.
    if let networkClassCount, networkClassCount > 1 { return (networkClassCount, true) }
    var largest: Int64 = -1
    try y.forEachBlock { rows, bytes in
      let tensor = try Tensor(
        elementType: type, shape: Shape(vector: rows.count), bytes: Array(bytes))
      largest = max(largest, tensor.integers?.max() ?? largest)
    }
    return (Int(clamping: min(largest, Int64(Int32.max) - 1)) + 1, true)
  }

  private func checkChannels(_ sample: Shape, of x: HDF5Dataset) throws {
    let channels = sample.dimensions.last ?? 1
    for (name, values) in [("input-scale", scale), ("input-offset", offset)] {
      guard values.count == 1 || values.count == channels else {
        throw malformed(
          FormatPaths.splits, "'\(name)' with 1 value or one for each of \(channels) channels",
          "\(values.count) values")
      }
    }
  }

  private func rowsPerBlock(_ x: HDF5Dataset) throws -> Int {
    guard case .chunked = x.description.storage else {
      return max(1, (512 << 10) / max(1, try x.byteCount(rows: 1)))
    }
    return max(1, x.description.rowsPerChunk)
  }

  private func malformed(_ object: String, _ expected: String, _ found: String) -> CheckpointError {
    CheckpointError(file.path, .malformed(object: object, expected: expected, found: found))
  }
}
