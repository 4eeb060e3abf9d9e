internal import Checkpoints
internal import Comparison
internal import Foundation
internal import ModelCore

/// What is in a model file, for people and for programs.
///
/// - SeeAlso: `Schemas/report/inspect-1.schema.json`.
struct InspectReport: Encodable {
  struct LayerRow: Encodable {
    let name: String
    let type: String
    /// Without the batch axis; absent where the shape cannot be told.
    let outputShape: [Int]?
    let parameters: Int
    let inputs: [String]
  }

  struct WeightRow: Encodable {
    let name: String
    let dtype: String
    let shape: [Int]
    let bytes: Int
    /// How many numbers it has.
    let parameters: Int
    /// Its part of the bytes of all weights, or of all other arrays, also of those not shown.
    var share: Double
    let storage: Storage?
    var stats: Statistics?
  }

  struct Storage: Encodable, Hashable {
    let layout: String
    let chunk: [Int]?
    let filters: [String]
    let bytes: Int
  }

  struct Statistics: Encodable {
    let min: ReportNumber?
    let max: ReportNumber?
    let mean: Double?
    let sd: ReportNumber?
    let zeros: Int
    let nans: Int
    let infinities: Int
  }

  struct SplitRow: Encodable {
    let name: String
    let role: String
    let samples: Int
    let x: ArrayRow
    let idType: String
    /// How many samples each class has, by class; absent for soft targets and where counting
    /// would take long.
    let classes: [String: Int]?
    /// `classes` or `probabilities`.
    let targets: String
  }

  struct ArrayRow: Encodable {
    let dtype: String
    let shape: [Int]
  }

  struct Finding: Encodable {
    let rule: String
    let path: String
    let value: String
  }

  struct Totals: Encodable {
    let parameters: Int
    /// In a reader's memory, and in the file.
    let bytes: Int
    let storedBytes: Int?
    let trainable: Int?
  }

  let schema = "modelctl/inspect/1"
  let file: String
  let bytes: Int
  let format: String
  let model: String?
  let layers: [LayerRow]
  var weights: [WeightRow]
  /// Arrays that are neither the model's weights nor in a split.
  var arrays: [WeightRow]
  /// Of all weights, also of those that a filter leaves out.
  let totals: Totals
  let splits: [SplitRow]
  let optimizerState: Bool
  let training: TrainingRecipe?
  let provenance: [JSONValue]
  let contentDigest: String?
  /// What keeps the engine from running this model, in one sentence.
  let unsupported: String?
  /// What the configuration would have a loader run, import or open.
  let scan: [Finding]
  let findings: [ConfigurationScan.Finding]
  /// How many layers, weights and arrays a filter left out.
  let hidden: Int
  var showsAll = false

  private enum CodingKeys: String, CodingKey {
    case schema, file, bytes, format, model, layers, weights, arrays, totals, splits
    case optimizerState, training, provenance, contentDigest, unsupported, scan, hidden
  }

  mutating func sort(by order: InspectCommand.Order) {
    func sorted(_ rows: [WeightRow]) -> [WeightRow] {
      let rows = rows.enumerated()
      return rows.sorted { left, right in
        let (a, b) = (left.element, right.element)
        switch order {
        case .file: break
        case .name: if a.name != b.name { return a.name < b.name }
        case .size: if a.bytes != b.bytes { return a.bytes > b.bytes }
        case .type: if a.dtype != b.dtype { return a.dtype < b.dtype }
        }
        return left.offset < right.offset
      }.map(\.element)
    }
    weights = sorted(weights)
    arrays = sorted(arrays)
  }
}

extension InspectReport.Statistics {
  init(_ statistics: TensorStatistics) {
    self.init(
      min: statistics.minimum.map(ReportNumber.init),
      max: statistics.maximum.map(ReportNumber.init),
      mean: statistics.mean, sd: statistics.standardDeviation.map(ReportNumber.init),
      zeros: statistics.zeros, nans: statistics.nans, infinities: statistics.infinities)
  }
}

extension InspectReport.Storage {
  init(_ storage: StorageDescription) {
    self.init(
      layout: storage.layout.rawValue, chunk: storage.chunk, filters: storage.filters,
      bytes: storage.storedByteCount)
  }
}
