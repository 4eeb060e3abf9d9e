import Engine
import ModelCore
import OneDNN
import Testing

/// The engine against the oracle, one kind of layer at a time. Narrow, odd and dilated windows
/// are also where slow fallbacks hide; oneDNN covers them all only where it has AVX-512.
@Suite struct LayerTests {
  @Test(arguments: LayerCase.convolutions)
  func convolutions(_ subject: LayerCase) throws { try check(subject) }

  @Test(arguments: LayerCase.winograd + LayerCase.fewTiles)
  func convolutionsThatWinogradCanDo(_ subject: LayerCase) throws { try check(subject) }

  @Test(arguments: LayerCase.randomConvolutions)
  func convolutionsOfRandomSettings(_ subject: LayerCase) throws { try check(subject) }

  @Test(arguments: LayerCase.pools)
  func pools(_ subject: LayerCase) throws { try check(subject) }

  @Test(arguments: LayerCase.denseLayers)
  func denseLayers(_ subject: LayerCase) throws { try check(subject) }

  @Test(arguments: LayerCase.activationLayers)
  func activations(_ subject: LayerCase) throws { try check(subject) }

  @Test(arguments: LayerCase.normalizations)
  func normalizations(_ subject: LayerCase) throws { try check(subject) }

  @Test(arguments: LayerCase.joins)
  func joins(_ subject: LayerCase) throws { try check(subject) }

  @Test(arguments: LayerCase.residuals)
  func residuals(_ subject: LayerCase) throws { try check(subject) }

  @Test(arguments: LayerCase.borders)
  func borders(_ subject: LayerCase) throws { try check(subject) }

  @Test(arguments: LayerCase.mixings)
  func convolutionsOfSomeChannels(_ subject: LayerCase) throws { try check(subject) }

  @Test(arguments: LayerCase.moreFunctions)
  func rareActivations(_ subject: LayerCase) throws { try check(subject) }

  @Test(arguments: LayerCase.movements)
  func movements(_ subject: LayerCase) throws { try check(subject) }

  @Test(arguments: LayerCase.merges)
  func merges(_ subject: LayerCase) throws { try check(subject) }

  @Test(arguments: LayerCase.sampleNormalizations)
  func normalizationsOfOneSample(_ subject: LayerCase) throws { try check(subject) }

  @Test(arguments: LayerCase.embeddings)
  func embeddings(_ subject: LayerCase) throws { try check(subject) }

  @Test(arguments: LayerCase.shared)
  func sharedWeights(_ subject: LayerCase) throws { try check(subject) }

  @Test(arguments: LayerCase.heads)
  func heads(_ subject: LayerCase) throws { try check(subject) }

  /// Scores, losses, gradients and running statistics, in both modes.
  private func check(_ subject: LayerCase) throws {
    let architecture = subject.architecture
    let parameters = try Parameters(randomFor: architecture, seed: subject.seed)
    let samples = try Samples(count: subject.batch, for: architecture, seed: subject.seed)
    let naive = try NaiveNetwork(architecture, parameters: parameters)
    let network = try Network(architecture, parameters: parameters, threads: 2)
    let (batch, tolerance) = (samples.batch(), subject.tolerance)
    expectClose(try network.logits(samples), naive.logits(samples), tolerance, "scores")
    for mode in [Network.Mode.frozen, .training] {
      let step = naive.step(samples, mode: mode)
      let loss = try network.backpropagate(batch, mode: mode)
      // Samples count with either sign: what is left of the sum may be smaller than its rounding.
      let lossTolerance = Tolerance(relative: tolerance.relative, absolute: 1e-6)
      expectClose([loss], [step.loss], lossTolerance, "\(mode) loss")
      expectClose(Array(network.lastLogits), step.logits, tolerance, "\(mode) scores")
      expectClose(
        try network.gradients.doubles, step.gradients, tolerance, "\(mode) gradient")
      var expected = naive.weights
      expected.merge(step.running) { $1 }
      expectClose(try network.parameters.doubles, expected, tolerance, "\(mode) weights after")
    }
    if !subject.hasUnusedLayers, Processor.hasAVX512 { expectNoReference(network) }
  }
}
