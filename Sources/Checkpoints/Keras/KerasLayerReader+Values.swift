internal import ModelCore

/// Single settings of a layer, checked before anything is computed with them.
extension KerasLayerReader {
  func flag(_ key: String, default value: Bool) throws(Unsupported) -> Bool {
    guard let found = config[key], !found.isNull else { return value }
    guard let flag = found.boolean else { throw Unsupported(reason: "its '\(key)' is no boolean") }
    return flag
  }

  func number(
    _ key: String, default value: Double?, in range: Range<Double>
  ) throws(Unsupported) -> Double {
    if let value, config[key]?.isNull ?? true { return value }
    guard let found = config[key]?.number, range.contains(found) else {
      throw Unsupported(reason: "its '\(key)' is no number in \(range)")
    }
    return found
  }

  /// A whole number that no later arithmetic on it can overflow.
  func bounded(_ value: Int64, _ key: String) throws(Unsupported) -> Int {
    guard (0...Int64(Int32.max)).contains(value) else {
      throw Unsupported(reason: "its '\(key)' is \(value), not a number from 0 to \(Int32.max)")
    }
    return Int(value)
  }

  func size(_ key: String, default value: Int? = nil) throws(Unsupported) -> Int {
    if let value, config[key]?.isNull ?? true { return value }
    guard let found = config[key]?.integer else {
      throw Unsupported(reason: "its '\(key)' is no whole number")
    }
    return try bounded(found, key)
  }

  func pair(_ key: String, default value: Int? = nil) throws(Unsupported) -> Extent2D {
    if let value, config[key]?.isNull ?? true { return Extent2D(height: value, width: value) }
    if let both = config[key]?.array, both.count == 2, let height = both[0].integer,
      let width = both[1].integer
    {
      return Extent2D(height: try bounded(height, key), width: try bounded(width, key))
    }
    let side = try size(key)
    return Extent2D(height: side, width: side)
  }

  func axis(default value: Int) throws(Unsupported) -> Int {
    guard let found = config["axis"], !found.isNull else { return value }
    // tf.keras writes a list.
    guard let axis = found.integer ?? (found.array?.count == 1 ? found.array?[0].integer : nil),
      (-8...8).contains(axis)
    else {
      throw Unsupported(reason: "its 'axis' is no axis")
    }
    return Int(axis)
  }

  func padding() throws(Unsupported) -> Padding {
    let word = config["padding"]?.string ?? "valid"
    guard let padding = Padding(rawValue: word.lowercased()) else {
      throw Unsupported(reason: "its padding is '\(word)'")
    }
    return padding
  }

  func requireChannelsLast() throws(Unsupported) {
    guard let order = config["data_format"]?.string, order != "channels_last" else { return }
    throw Unsupported(reason: "its images are '\(order)'")
  }

  /// A number, or a list of them.
  func numbers(_ key: String, default value: Double?) throws(Unsupported) -> [Float] {
    if let value, config[key]?.isNull ?? true { return [Float(value)] }
    // Keras nests the lists as deep as the shape that they are broadcast over.
    var found = config[key]
    while let list = found?.array, list.count == 1, list[0].array != nil { found = list[0] }
    let values = (found?.array ?? found.map { [$0] } ?? []).map { $0.number.map { Float($0) } }
    let finite = values.compactMap { $0 }.filter(\.isFinite)
    guard !finite.isEmpty, finite.count == values.count else {
      throw Unsupported(reason: "its '\(key)' is no number or list of numbers")
    }
    return finite
  }

  /// A list of whole numbers, such as a shape.
  func extents(_ key: String, from lowest: Int64) throws(Unsupported) -> [Int] {
    let list = config[key]?.array ?? config[key].map { [$0] } ?? []
    let values = list.compactMap(\.integer).filter { (lowest...Int64(Int32.max)).contains($0) }
    guard values.count == list.count, !values.isEmpty, values.count <= 16 else {
      throw Unsupported(reason: "its '\(key)' is no list of numbers from \(lowest)")
    }
    return values.map(Int.init)
  }
}
