import Foundation
import ModelCore
import Testing

@Suite struct TrainingRecipeTests {
  @Test func aConstantRateStays() {
    let recipe = TrainingRecipe(epochs: 1, learningRate: 0.25, schedule: .constant)
    #expect([0, 50, 99].map { recipe.learningRate(step: $0, of: 100) } == [0.25, 0.25, 0.25])
  }

  @Test func aLinearRateFallsFromFullToNothing() {
    let recipe = TrainingRecipe(epochs: 1, learningRate: 0.5)
    #expect(
      [0, 1, 2, 3, 4].map { recipe.learningRate(step: $0, of: 4) } == [0.5, 0.375, 0.25, 0.125, 0])
    #expect(recipe.learningRate(step: 0, of: 0) == 0.5)
  }

  @Test(arguments: [.adam, .sgd(momentum: 0.9)] as [TrainingRecipe.Optimizer])
  func aRecipeSurvivesBeingWritten(_ optimizer: TrainingRecipe.Optimizer) throws {
    let recipe = TrainingRecipe(
      epochs: 3, batchSize: 7, optimizer: optimizer, learningRate: 0.01, seed: .max)
    let data = try JSONEncoder().encode(recipe)
    #expect(try JSONDecoder().decode(TrainingRecipe.self, from: data) == recipe)
  }

  @Test func aLayoutKnowsTheSizeOfASample() throws {
    let layout = SampleLayout(
      count: 3, sampleShape: try Shape([2, 3]), elementType: .int16, rowsPerBlock: 1, classCount: 2)
    #expect(layout.bytesPerSample == 12)
    #expect(layout.scale == [1] && layout.offset == [0])
  }
}
