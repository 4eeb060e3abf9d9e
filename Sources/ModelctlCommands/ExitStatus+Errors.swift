internal import Auditing
internal import Checkpoints
internal import Conversion
internal import Engine
internal import Foundation
internal import ModelCore
internal import Tuning
internal import Unlearning
internal import Zip

extension ExitStatus {
  /// The status that an error ends the program with.
  init(for error: any Error) {
    switch error {
    case let error as CommandError: self = error.status
    case let error as Interruption.Signal: self = error.status
    case let error as CheckpointError: self = Self(rawValue: error.kind.exitCode) ?? .badInput
    case let error as ConversionError: self = Self(rawValue: error.kind.exitCode) ?? .badInput
    case is ArchitectureError, is SampleError, is TensorError, is ShapeError, is TriggerError:
      self = .badInput
    case let error as EngineError: self = Self(engine: error)
    case is UnlearningError, is WeightMismatch: self = .badInput
    case is AuditError, is TuningError: self = .badInput
    default: self = .internalFailure
    }
  }

  private init(engine error: EngineError) {
    switch error {
    case .noStepYet: self = .internalFailure
    case .noBFloat16: self = .usage
    default: self = .badInput
    }
  }
}
