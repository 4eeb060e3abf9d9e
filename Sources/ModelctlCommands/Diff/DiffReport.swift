internal import Comparison
internal import ModelCore

/// How two model files differ, for people and for programs.
///
/// - SeeAlso: `Schemas/report/diff-1.schema.json`.
struct DiffReport: Encodable {
  struct File: Encodable {
    let file: String
    let format: String
    let tensors: Int
    let parameters: Int
  }

  struct Rules: Encodable {
    let absolute: Double
    let relative: Double
    let floor: Double
    let nanDiffers: Bool
    let ignored: [String]
  }

  enum Status: String, Encodable {
    case same, changed, shape, renamed, removed, added
  }

  struct Tensor: Encodable {
    let name: String
    /// The name in the second file, where it is another one.
    var nameAfter: String?
    var status: Status
    /// How both were found to be one array; absent where only one file has it.
    var matchedBy: String?
    let dtype: String
    var dtypeAfter: String?
    let shape: [Int]
    var shapeAfter: [Int]?
    /// Absent where the elements cannot be compared one by one.
    var elements: Elements?
    /// Whether the user asked not to count it.
    let isIgnored: Bool

    /// Whether it makes the files differ.
    var counts: Bool { status != .same && !isIgnored }
  }

  struct Elements: Encodable {
    let count: Int
    let differing: Int
    let maximumAbsolute: ReportNumber
    let maximumRelative: ReportNumber
    let rootMeanSquare: ReportNumber
    /// The norm of the difference over that of the first array; absent where that is zero.
    let relativeChange: ReportNumber?
    let cosine: Double?
    let unmatchedNaNs: Int
    let unmatchedInfinities: Int
    /// Where the largest difference is, one index for each axis.
    let worst: [Int]?
  }

  struct Totals: Encodable {
    var same = 0
    var changed = 0
    var renamed = 0
    var removed = 0
    var added = 0
    var ignored = 0
    var elements = 0
    var differing = 0
    /// The norm of all differences over that of all of the first file's tensors.
    var relativeChange: ReportNumber?
  }

  /// A layer whose weights differ.
  struct LayerChange: Encodable {
    let layer: String
    let tensors: Int
    let elements: Int
    let differing: Int
    let relativeChange: ReportNumber?
  }

  struct Move: Encodable {
    let split: String
    let samples: Int
  }

  struct Split: Encodable {
    let name: String
    let isSame: Bool
    let isIgnored: Bool
    let before: Int?
    let after: Int?
    let removed: Int
    let added: Int
    let changed: Int
    let movedTo: [Move]
    let movedFrom: [Move]
    let isReordered: Bool
    /// The role, type and shape of samples, where they differ.
    let fields: [Field]
    /// With `--ids`.
    let ids: Identifiers?
  }

  struct Identifiers: Encodable {
    let removed: [String]
    let added: [String]
    let changed: [String]
    let moved: [String]
  }

  struct Field: Encodable {
    let path: String
    let before: JSONValue?
    let after: JSONValue?

    init(_ field: FieldDifference) {
      (path, before, after) = (field.path, field.before, field.after)
    }

    init(_ path: String, before: JSONValue?, after: JSONValue?) {
      (self.path, self.before, self.after) = (path, before, after)
    }
  }

  struct Layer: Encodable {
    let name: String
    /// The class; absent where the model has no such layer.
    let before: String?
    let after: String?
    let fields: [Field]
    let isIgnored: Bool
  }

  struct Setting: Encodable {
    let name: String
    let fields: [Field]
    let isIgnored: Bool
  }

  struct Provenance: Encodable {
    /// How many records both files begin with.
    let common: Int
    let removed: [String]
    let added: [String]
    /// Whether one file's records go on where the other's end, as those of an export do.
    let isContinued: Bool
    let isIgnored: Bool

    var isSame: Bool { removed.isEmpty && added.isEmpty }
  }

  struct NotCompared: Encodable {
    let part: String
    let reason: String
  }

  let schema = "modelctl/diff/1"
  let before: File
  let after: File
  let isSame: Bool
  let rules: Rules
  let tensors: [Tensor]
  let totals: Totals
  /// Arrays that are neither weights nor samples, such as an optimizer's state.
  let arrays: [Tensor]
  let layerChanges: [LayerChange]
  let splits: [Split]
  let layers: [Layer]
  let settings: [Setting]
  let provenance: Provenance?
  let notCompared: [NotCompared]
  /// What the user could do for a better comparison.
  let notes: [String]
  /// Whether the text lists what is the same too.
  var showsAll = false

  private enum CodingKeys: String, CodingKey {
    case schema, before, after, isSame = "same", rules, tensors, totals, arrays, layerChanges
    case splits, layers, settings, provenance, notCompared, notes
  }
}
