import Checkpoints
import Foundation
import ModelCore
import OneDNN
import TestSupport
import Testing

/// What `train` takes, does the same way each time, and writes down.
@Suite struct TrainingOptionsTests {
  private let folder: TemporaryDirectory

  init() throws { folder = try TemporaryDirectory() }

  private func input(_ checkpoint: SmallCheckpoint = SmallCheckpoint()) throws -> String {
    let path = folder.path("in.h5")
    try checkpoint.write(to: path)
    return path
  }

  private static let options = [
    "--optimizer", "sgd", "--nesterov", "--momentum", "0.8", "--learning-rate", "0.02",
    "--weight-decay", "0.01", "--schedule", "cosine", "--warmup-steps", "3",
    "--clip-global-norm", "0.5", "--epochs", "3", "--batch", "16", "--seed", "5",
  ]

  @Test func theSameRunGivesTheSameBytes() throws {
    let input = try input()
    let files = try (0..<2).map { index in
      let path = folder.path("out\(index).h5")
      let result = try Tool.run(["train", input, path, "--threads", "2"] + Self.options)
      #expect(result.status == 0, "\(result.errors)")
      return try Data(contentsOf: URL(fileURLWithPath: path))
    }
    #expect(files[0] == files[1])
  }

  @Test func theRecipeIsWrittenDown() throws {
    let (input, output) = (try input(SmallCheckpoint(recipe: nil)), folder.path("out.h5"))
    let result = try Tool.run(["train", input, output, "--json"] + Self.options)
    #expect(result.status == 0, "\(result.errors)")
    #expect(
      try Checkpoint(reading: output).recipe
        == TrainingRecipe(
          epochs: 3, batchSize: 16, optimizer: .sgd(momentum: 0.8, isNesterov: true),
          learningRate: 0.02, schedule: .cosine(warmup: 3), weightDecay: 0.01,
          clipping: .globalNorm(0.5), seed: 5))
  }

  @Test func whatIsFrozenStays() throws {
    let json = SmallCheckpoint.json.replacing(
      "\"name\": \"hidden\",", with: "\"name\": \"hidden\", \"trainable\": false,")
    let (input, output) = (try input(SmallCheckpoint(json: json)), folder.path("out.h5"))
    let result = try Tool.run(["train", input, output] + Self.options)
    #expect(result.status == 0, "\(result.errors)")
    let (before, after) = (
      try Checkpoint(reading: input).parameters(), try Checkpoint(reading: output).parameters()
    )
    for parameter in after.all {
      let isSame = parameter == before[parameter.name]
      #expect(isSame == (parameter.name.layer == "hidden"), "\(parameter.name)")
    }
  }

  /// oneDNN can be told to leave instructions out, as if the processor had none of them.
  @Test func bfloat16IsRefusedWhereThereIsNone() throws {
    let (input, output) = (try input(), folder.path("out.h5"))
    let result = try Tool.run(
      ["train", input, output, "--precision", "bfloat16"],
      environment: ["ONEDNN_MAX_CPU_ISA": "AVX2", "DNNL_MAX_CPU_ISA": "AVX2"])
    #expect(result.status == 64)
    #expect(result.errors.contains("AVX-512 BF16; this one has "))
    #expect(!FileManager.default.fileExists(atPath: output))
  }

  @Test(.enabled(if: Processor.hasBFloat16, "this processor has no AVX-512 BF16"))
  func bfloat16IsWrittenDownAndSaysWhenItIsNone() throws {
    let (input, output) = (try input(), folder.path("out.h5"))
    let result = try Tool.run(
      ["train", input, output, "--precision", "bfloat16"] + Self.options)
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.errors.contains("--precision bfloat16 changes nothing"))
    let details = try #require(try Checkpoint(reading: output).provenance.last).details
    guard case .object(let fields) = details else {
      Issue.record("\(details)")
      return
    }
    #expect(fields["precision"] == .string("bfloat16"))
  }

  @Test func aRunThatDivergesSaysWhere() throws {
    let (input, output) = (try input(), folder.path("out.h5"))
    let result = try Tool.run(
      "train", input, output, "--optimizer", "sgd", "--learning-rate", "1e30")
    #expect(result.status != 0)
    #expect(result.errors.contains("training diverged at step "))
    #expect(!FileManager.default.fileExists(atPath: output))
  }

  @Test(arguments: [
    ["--schedule", "exponential"], ["--schedule", "piecewise", "--boundaries", "3"],
    ["--clip-norm", "1", "--clip-value", "1"], ["--clip-norm", "-1"], ["--momentum", "2"],
    ["--boundaries", "1,x"], ["--decay-rate", "0"], ["--shift", "-1"],
  ])
  func whatMakesNoSenseIsRefused(_ options: [String]) throws {
    let result = try Tool.run(["train", try input(), folder.path("out.h5")] + options)
    #expect(result.status == 64)
  }

  @Test(arguments: [("mlp", "adam"), ("lenet", "sgd")])
  func aCompiledModelBringsItsOptimizer(_ name: String, _ optimizer: String) throws {
    let checkpoint = try Checkpoint(reading: Fixtures.path("networks/\(name)/keras3.h5"))
    let compiled = try #require(try checkpoint.compiledTraining())
    switch compiled.optimizer {
    case .adam(0.9, 0.999, 1e-7, false): #expect(optimizer == "adam")
    case .sgd(0.9, false): #expect(optimizer == "sgd" && compiled.learningRate == 0.05)
    default: Issue.record("\(compiled)")
    }
    #expect(compiled.schedule == .constant && compiled.clipping == .none)
    let older = try Checkpoint(reading: Fixtures.path("networks/\(name)/keras2.h5"))
    #expect(try older.compiledTraining()?.optimizer == compiled.optimizer)
  }

  /// What Keras would do and `train` does not, nobody should have to find out by the result.
  @Test func compiledSettingsThatAreNotFollowedAreNamed() throws {
    func train(_ optimizer: String, _ options: [String] = []) throws -> String {
      let json = SmallCheckpoint.json.replacing(
        "{\"class_name\": \"Sequential\",",
        with: """
          {"compile_config": {"loss": "sparse_categorical_crossentropy", "optimizer": \(optimizer)},
          "class_name": "Sequential",
          """)
      let arguments = [
        "train", try input(SmallCheckpoint(json: json)), folder.path("out.h5"), "-q",
      ]
      let result = try Tool.run(arguments + ["--epochs", "1"] + options)
      #expect(result.status == 0, "\(result.errors)")
      return result.errors
    }
    let accumulating = """
      {"class_name": "Adam", "config": {"learning_rate": 0.01, "use_ema": true,
      "gradient_accumulation_steps": 4}}
      """
    #expect(
      try train(accumulating).contains(
        "was compiled with settings that training here does not have: use_ema, "
          + "gradient_accumulation_steps 4"))
    #expect(try train(accumulating, ["--optimizer", "adam"]).isEmpty)
    let plain = "{\"class_name\": \"Adam\", \"config\": {\"learning_rate\": 0.01}}"
    #expect(try train(plain).isEmpty)
    #expect(
      try train("{\"class_name\": \"Lion\", \"config\": {\"learning_rate\": 0.01}}")
        .contains("the optimizer Lion"))
  }
}
