internal import ModelCore

/// One layer of a Keras configuration, whatever its class is, with the layers inside it.
///
/// The engine's `Architecture` knows the layers that it can run; this knows how Keras names what
/// it stores.
struct KerasLayerEntry {
  let name: String
  let className: String
  let config: JSONValue
  /// The Python module of the class; Keras leaves it out of an `.h5`.
  let module: String?
  /// The layers of a model, in Keras's order; nil for what is no model.
  let layers: [KerasLayerEntry]?
  /// Whether it is a function of `keras.ops` and no layer.
  let isOperation: Bool

  init(name: String, className: String, config: JSONValue) {
    self.name = name
    self.className = className
    self.config = config
    module = nil
    layers = nil
    isOperation = false
  }

  /// Reads a model, or any layer; nil when the value is neither.
  init?(_ entry: JSONValue) {
    guard let className = entry["class_name"]?.string, let config = entry["config"] else {
      return nil
    }
    self.className = className
    self.config = config
    module = entry["module"]?.string
    isOperation = Self.isOperation(entry)
    name = entry["name"]?.string ?? config["name"]?.string ?? ""
    guard ["Sequential", "Functional", "Model"].contains(className) else {
      layers = nil
      return
    }
    // Keras before 2.2.3 wrote the list itself.
    layers = (config.array ?? config["layers"]?.array ?? []).compactMap(KerasLayerEntry.init)
  }

  /// Reads the text of a model; nil when it is none.
  init?(parsing text: String) {
    guard let json = try? JSONValue(parsing: text) else { return nil }
    self.init(json)
  }

  /// Whether an entry in a list of layers is a function of `keras.ops` that was called on tensors.
  ///
  /// An `.h5` leaves the module out. There, an operation is told by what every layer has and it has
  /// not, and by being called as Keras 3 calls things.
  static func isOperation(_ entry: JSONValue) -> Bool {
    if let module = entry["module"]?.string {
      return module.hasPrefix("keras.src.ops") || module.hasPrefix("keras.ops")
    }
    guard let config = entry["config"], config["layers"] == nil,
      config["trainable"] == nil, config["dtype"] == nil
    else { return false }
    return entry["inbound_nodes"]?.array?.first?["args"] != nil
  }

  /// The layers of a model by the groups that Keras 3 keeps them in: their classes in snake case,
  /// counted in the order of the layers. Operations are none.
  static func groups(of layers: [KerasLayerEntry]) -> [(group: String, layer: KerasLayerEntry)] {
    var counts: [String: Int] = [:]
    return layers.filter { !$0.isOperation }.map { layer in
      let name = snakeCase(pythonName[layer.className] ?? layer.className)
      let count = counts[name, default: 0]
      counts[name] = count + 1
      return (count == 0 ? name : "\(name)_\(count)", layer)
    }
  }

  /// Classes that Keras publishes, and so configures, under another name than their own.
  private static let pythonName = ["GroupQueryAttention": "GroupedQueryAttention"]

  /// A class's name as Keras writes it into paths (`to_snake_case` in `keras/src/utils/naming.py`): before a
  /// capital goes a line if a small letter is on either side.
  static func snakeCase(_ className: String) -> String {
    // An .h5 puts the package before the name of a registered class.
    let name = className.split(separator: ">").last ?? className[...]
    let letters = name.filter { $0.isLetter || $0.isNumber || $0 == "_" }.map { $0 }
    func isSmall(_ index: Int) -> Bool {
      letters.indices.contains(index) && letters[index].isASCII && letters[index].isLowercase
    }
    var result = ""
    for (index, letter) in letters.enumerated() {
      let isCapital = letter.isASCII && letter.isUppercase
      if isCapital, index > 0, isSmall(index - 1) || isSmall(index + 1) { result.append("_") }
      result.append(letter)
    }
    return result.lowercased()
  }
}
