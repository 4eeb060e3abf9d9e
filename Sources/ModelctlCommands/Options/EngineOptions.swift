public import ArgumentParser
internal import Checkpoints
public import Engine
internal import Foundation
internal import ModelCore

/// How the engine is to run.
struct EngineOptions: ParsableArguments {
  @Option(help: "Threads to compute with; the same number gives the same bits. 0: all cores.")
  var threads = 0

  @Option(
    help: ArgumentHelp(
      "What the factors of convolutions are rounded to where that is faster.",
      discussion: "bfloat16 wants a processor with AVX-512 BF16."))
  var precision = Precision.float32

  func validate() throws {
    guard (0...1024).contains(threads) else {
      throw ValidationError("--threads takes a number from 0 to 1024")
    }
  }

  /// The network of a checkpoint, ready to run.
  ///
  /// - Parameter profiler: measures where the time goes.
  /// - Throws: `CheckpointError` or `ArchitectureError` when the file holds no whole model, or one
  ///   that the engine cannot run.
  func network(of checkpoint: Checkpoint, profiler: Profiler? = nil) throws -> Network {
    let architecture = try checkpoint.requireArchitecture()
    let network = try Network(
      architecture, parameters: checkpoint.parameters(), threads: threads, precision: precision,
      profiler: profiler)
    if precision == .bfloat16, !network.roundsFactors {
      warn(
        "--precision bfloat16 changes nothing: no convolution of this network is faster with it")
    }
    return network
  }
}

extension Precision: ExpressibleByArgument {}
