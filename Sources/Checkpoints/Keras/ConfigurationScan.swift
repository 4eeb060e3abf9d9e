internal import Foundation
public import ModelCore

/// What a configuration asks the program that loads it to run, import or open.
///
/// modelctl executes nothing, but it hands files on to programs that do. Every value of the
/// document is looked at, however deep: loaders follow nested objects wherever they are, so a
/// look at the list of layers alone would miss most of what has been used against them.
///
/// - SeeAlso: CVE-2024-3660, CVE-2025-1550, CVE-2025-8747, CVE-2025-9905, CVE-2025-12058.
public struct ConfigurationScan: Sendable {
  /// What is wrong with a value.
  public enum Rule: String, CaseIterable, Sendable {
    /// A `Lambda` layer: its function comes from the file.
    case lambdaLayer = "lambda-layer"
    /// Code in the file: marshalled, pickled, or marked as a lambda.
    case serializedCode = "serialized-code"
    /// A function that is looked up by a name in the file.
    case functionByName = "function-by-name"
    /// A layer that brings a model of another framework, as code or as a file.
    case foreignModel = "foreign-model"
    /// A module to import from outside Keras.
    case foreignModule = "foreign-module"
    /// A class that is registered by a package other than Keras.
    case customObject = "custom-object"
    /// A file that is opened when the model is loaded or run.
    case filePath = "file-path"
    /// An address on a network, or of a file by a scheme.
    case url
    /// A document that is not strict JSON, so nobody can tell what another reader makes of it.
    case unreadable
  }

  public struct Finding: Hashable, Sendable {
    public let rule: Rule
    /// The value's place, such as `model_config.config.layers[3].config.function`.
    public let path: String
    /// The value in short, as it is in the file: escape it before it goes to a terminal.
    public let value: String
  }

  /// In the order of the documents; within one, by path.
  public private(set) var findings: [Finding] = []
  /// How many values were looked at.
  public private(set) var valueCount = 0

  public init() {}

  /// Looks at one document.
  ///
  /// - Parameters:
  ///   - text: JSON; that it is none is a finding, too.
  ///   - name: what the path of each finding starts with.
  public mutating func scan(_ text: String, named name: String) {
    do { scan(try JSONValue(parsing: text), named: name) } catch {
      findings.append(Finding(rule: .unreadable, path: name, value: error.description))
    }
  }

  public mutating func scan(_ document: JSONValue, named name: String) {
    visit(document, at: name, key: "", nesting: 0)
  }

  // MARK: The walk

  /// JSON in a string in JSON is followed this many times.
  private static let nestingLimit = 4

  private mutating func visit(_ value: JSONValue, at path: String, key: String?, nesting: Int) {
    valueCount += 1
    switch value {
    case .object(let members):
      visit(object: members, at: path)
      for name in members.keys.sorted() {
        guard let member = members[name] else { continue }
        let inner =
          Self.isPlain(name) ? "\(path).\(name)" : "\(path)[\(JSONValue.string(name).text)]"
        visit(member, at: inner, key: name, nesting: nesting)
      }
    case .array(let values):
      for (index, element) in values.enumerated() {
        // The entries of a table are words, whatever they look like.
        let isTable = key.map(FilePath.tables.contains) ?? true
        visit(element, at: "\(path)[\(index)]", key: isTable ? nil : key, nesting: nesting)
      }
    case .string(let text): visit(text, at: path, key: key, nesting: nesting)
    default: break
    }
  }

  /// Looks at an object as the description of something to make.
  private mutating func visit(object members: [String: JSONValue], at path: String) {
    if let name = members["class_name"]?.string { visit(className: name, members, at: path) }
    if members["__lambda__"] != nil { add(.serializedCode, path, "__lambda__") }
    if let type = members["function_type"]?.string {
      add(.serializedCode, path, "function_type \(type)")
    }
    for key in ["module", "fn_module", "function_module"] {
      guard let module = members[key]?.string, !KerasModules.isKnown(module) else { continue }
      add(.foreignModule, "\(path).\(key)", module)
    }
    if let name = members["registered_name"]?.string, name != members["class_name"]?.string,
      !KerasModules.isOwn(registered: name)
    {
      add(.customObject, "\(path).registered_name", name)
    }
  }

  private mutating func visit(
    className name: String, _ members: [String: JSONValue], at path: String
  ) {
    let place = "\(path).class_name"
    let plain = name.split(separator: ">").last.map(String.init) ?? name
    switch plain {
    case "Lambda": add(.lambdaLayer, place, name)
    case "__lambda__": add(.serializedCode, place, name)
    case "TorchModuleWrapper", "FlaxLayer", "JaxLayer", "TFSMLayer": add(.foreignModel, place, name)
    case "TFOpLambda", "SlicingOpLambda", "ClassMethod", "InstanceMethod", "InstanceProperty":
      add(.functionByName, place, Self.named(name, members["config"]?["function"]))
    case "function":
      let module = members["module"]?.string
      guard !KerasModules.holdsPlainFunctions(module) else { break }
      add(.functionByName, place, Self.named(module ?? name, members["config"]))
    default: break
    }
    if name.contains(">"), !KerasModules.isOwn(registered: name) { add(.customObject, place, name) }
  }

  private static func named(_ name: String, _ function: JSONValue?) -> String {
    function?.string.map { "\(name): \($0)" } ?? name
  }

  /// - Parameter key: what the text is the value of; nil for an entry of a table of words.
  private mutating func visit(_ text: String, at path: String, key: String?, nesting: Int) {
    if SerializedCode.isLikely(text) { add(.serializedCode, path, text) }
    guard let key else { return }
    if text.contains("://") {
      add(.url, path, text)
    } else if FilePath.isLikely(text, key: key) {
      add(.filePath, path, text)
    }
    guard nesting < Self.nestingLimit, let first = text.utf8.first(where: { $0 > 0x20 }),
      first == UInt8(ascii: "{") || first == UInt8(ascii: "["),
      let document = try? JSONValue(parsing: text)
    else { return }
    visit(document, at: "\(path) (JSON)", key: key, nesting: nesting + 1)
  }

  private mutating func add(_ rule: Rule, _ path: String, _ value: String) {
    let scalars = value.unicodeScalars
    let short = scalars.count > 80 ? String(scalars.prefix(77)) + "..." : value
    findings.append(Finding(rule: rule, path: path, value: short))
  }

  private static func isPlain(_ key: String) -> Bool {
    !key.isEmpty && key.utf8.count <= 64
      && key.utf8.allSatisfy { byte in
        byte == UInt8(ascii: "_") || (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte)
          || (0x61...0x7A).contains(byte)
      }
  }
}

/// What belongs to Keras itself.
private enum KerasModules {
  private static let packages: Set<String> = [
    "keras", "tf_keras", "keras_hub", "keras_nlp", "keras_cv",
  ]

  static func isKnown(_ module: String) -> Bool {
    let root = module.split(separator: ".", omittingEmptySubsequences: false).first.map(String.init)
    return packages.contains(root ?? module)
  }

  /// Whether a function of the module computes and does nothing else.
  ///
  /// Keras's other modules have functions that load files, fetch addresses, or switch the
  /// protection against all of this off.
  static func holdsPlainFunctions(_ module: String?) -> Bool {
    guard let module else { return false }
    let parts = module.split(separator: ".").filter { $0 != "src" }
    let kinds: Set<Substring> = [
      "activations", "losses", "metrics", "initializers", "regularizers", "constraints",
    ]
    return parts.count >= 2 && parts[0] == "keras" && kinds.contains(parts[1])
  }

  /// Whether a name is that of one of Keras's own registered classes.
  static func isOwn(registered name: String) -> Bool {
    let parts = name.split(separator: ">", maxSplits: 1).map(String.init)
    guard parts.count == 2 else { return parts.first.map(models.contains) ?? true }
    if ["keras", "Keras", "builtins"].contains(parts[0]) { return true }
    // Keras 2 registered its optimizers under the package that it gives to anybody's classes.
    return parts[0] == "Custom" && optimizers.contains(parts[1])
  }

  private static let models: Set<String> = ["Functional", "Sequential", "Model"]
  private static let optimizers: Set<String> = [
    "Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax", "Ftrl", "Lion", "Nadam",
    "RMSprop", "SGD",
  ]
}

/// Code as Python packs it into text.
private enum SerializedCode {
  /// Whether the text is base64 of a marshalled code object or of a pickle.
  static func isLikely(_ text: String) -> Bool {
    guard text.utf8.count >= 24,
      let data = Data(base64Encoded: text, options: .ignoreUnknownCharacters)
    else { return false }
    let bytes = [UInt8](data.prefix(8))
    guard bytes.count == 8, isBase64(text) else { return false }
    // `c` with or without the reference flag, then the argument count as 32 little-endian bits.
    let isCode = bytes[0] & 0x7F == UInt8(ascii: "c") && bytes[2...4].allSatisfy { $0 == 0 }
    let isPickle = bytes[0] == 0x80 && (2...5).contains(bytes[1]) && data.last == UInt8(ascii: ".")
    return isCode || isPickle
  }

  private static func isBase64(_ text: String) -> Bool {
    text.utf8.allSatisfy { byte in
      (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte)
        || [0x2B, 0x2F, 0x3D, 0x0A, 0x0D, 0x20].contains(byte)
    }
  }
}

/// Names of files.
private enum FilePath {
  /// Settings that are a table, or the name of a file that holds it.
  static let tables: Set<String> = ["vocabulary", "idf_weights", "merges"]
  private static let words: Set<String> = [
    "file", "filename", "filepath", "files", "path", "paths", "dir", "directory", "folder", "asset",
    "assets",
  ]

  static func isLikely(_ text: String, key: String) -> Bool {
    guard !text.isEmpty else { return false }
    if tables.contains(key) { return true }
    let parts = key.lowercased().split { !$0.isLetter }.map(String.init)
    if parts.contains(where: words.contains) { return true }
    if key.hasPrefix("oov") || key.hasPrefix("vocab") {
      return text.contains { $0 == "/" || $0 == "\\" }
    }
    return looksAbsolute(text)
  }

  /// A path that leads somewhere wherever the program runs, or out of where it runs.
  private static func looksAbsolute(_ text: String) -> Bool {
    let isRooted = text.hasPrefix("/") || text.hasPrefix("~/") || text.hasPrefix("\\\\")
    if isRooted { return text.count > 2 }
    if text.hasPrefix("../") || text.contains("/../") { return true }
    let start = Array(text.utf8.prefix(3))
    return start.count == 3 && start[1] == UInt8(ascii: ":")
      && (start[2] == UInt8(ascii: "\\") || start[2] == UInt8(ascii: "/"))
      && Character(Unicode.Scalar(start[0])).isLetter
  }
}
