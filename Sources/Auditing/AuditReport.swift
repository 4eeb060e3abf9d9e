public import Evidence

/// What an audit measured; the same audit gives the same report, so it holds no time.
///
/// It holds counts and rates, never an id, a sample or a single record's score.
///
/// - SeeAlso: `Schemas/report/audit-1.schema.json`.
public struct AuditReport: Hashable, Codable, Sendable {
  public struct Counts: Hashable, Codable, Sendable {
    public let forget: Int
    public let retain: Int
    /// How many of each kind were asked about.
    public let askedForget: Int
    public let askedRetain: Int
    public let strangers: Int
  }

  /// One model's accuracies and what attacks on whole populations find.
  public struct Model: Hashable, Codable, Sendable {
    /// `original`, `unlearned`, `retrained` or `shadow`.
    public let role: String
    public let name: String
    public let forgetAccuracy: Double
    public let retainAccuracy: Double
    public let strangerAccuracy: Double
    /// How often a forgotten margin exceeds a stranger's, classes weighted alike.
    public let auc: Double
    /// The standard error of `auc` when nothing tells them apart.
    public let aucError: Double
    /// Where `auc` lies for 95 % of resampled sets of samples; absent for models beside the audited.
    public let aucInterval: BootstrapInterval?
    public let attacks: PopulationAttacks
    /// ZRF: likeness to an untrained network on the forgotten samples.
    public let zeroRetrainForgetting: Double
    /// The mean distance from the original and from retrained models, on the forgotten samples.
    public let fromOriginal: AnswerDistance?
    public let fromRetrained: AnswerDistance?
    /// The mean gap to the retrained models, within 0...1.
    public let gap: Double?
  }

  /// How much two retrained models differ: no difference below this means anything.
  public struct NoiseFloor: Hashable, Codable, Sendable {
    public let models: Int
    /// Means over all pairs.
    public let gap: Double
    public let distance: AnswerDistance
  }

  public struct PerExample: Hashable, Codable, Sendable {
    public let shadows: Int
    /// How many of them had to be trained; the others were kept from earlier.
    public let trained: Int
    public let original: PerExampleAttack.Outcome
    public let unlearned: PerExampleAttack.Outcome
    public let unlearnedInterval: BootstrapInterval?
    /// The attack on models that never saw the samples: each shadow model against the others, and
    /// every retrained model. Absent with two shadow models and no retrained one.
    public let retrainedAUC: Double?
    public let retrainedDeviation: Double?
    public let retrainedModels: Int
  }

  public struct Divergence: Hashable, Codable, Sendable {
    public let forget: MarginDivergence
    public let retain: MarginDivergence
    public let strangers: MarginDivergence
  }

  public struct Backdoor: Hashable, Codable, Sendable {
    public let original: BackdoorTest
    public let unlearned: BackdoorTest
  }

  public struct Utility: Hashable, Codable, Sendable {
    public let count: Int
    public let onlyOriginal: Int
    public let onlyUnlearned: Int
    public let loss: Double
    public let allowance: Double
  }

  /// Values as widely copied code computes them.
  public struct Copied: Hashable, Codable, Sendable {
    public let name: String
    /// What is wrong with them.
    public let flaw: String
    public let values: [String: Double]
  }

  /// What was not measured, and why.
  public struct Omission: Hashable, Codable, Sendable {
    public let what: String
    public let why: String
  }

  public let verdict: AuditVerdict
  public let tests: [AuditTest]
  /// How many records the population test would take; absent when no number would do.
  public let neededCount: Int?
  public let counts: Counts
  /// The classes that are forgotten whole.
  public let forgottenClasses: [Int]
  public let models: [Model]
  public let utility: Utility
  public let noiseFloor: NoiseFloor?
  public let perExample: PerExample?
  public let klom: Divergence?
  public let relearning: Relearning?
  public let backdoor: Backdoor?
  public let copied: Copied?
  public let omissions: [Omission]
  public let seed: UInt64
}

/// The numbers behind an audit's pictures; single records' margins, so never part of a report.
public struct AuditPictures: Sendable {
  /// Margins of forgotten samples and of strangers under one model.
  public struct Margins: Sendable {
    public let model: String
    public let forget: [Double]
    public let strangers: [Double]
  }

  public let margins: [Margins]
  /// Score curves by name: attacks on the original and on the unlearned model.
  public let curves: [(name: String, curve: OperatingCurve)]
}
