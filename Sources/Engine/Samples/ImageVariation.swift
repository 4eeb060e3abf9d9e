internal import ModelCore

/// Moves and mirrors the images of a batch at random.
///
/// Every sample draws the same number of random numbers, one after the other, so what happens to
/// it depends on the seed and on its place in the run alone.
struct ImageVariation {
  private let augmentation: TrainingRecipe.Augmentation
  private let height: Int
  private let width: Int
  private let channels: Int
  private var random: SeededGenerator
  private var copy: [Float]

  /// - Returns: nil when nothing varies.
  /// - Throws: `EngineError.invalidSetting` for samples that are no images, or a shift that would
  ///   move them out of sight.
  init?(
    _ augmentation: TrainingRecipe.Augmentation, of shape: Shape, seed: UInt64
  ) throws {
    guard augmentation != .none else { return nil }
    let extents = shape.dimensions
    guard extents.count == 3 || extents.count == 2 else {
      throw EngineError.invalidSetting(
        name: "augmentation", value: "on samples of \(shape)",
        expected: "images [height, width, channels]")
    }
    (height, width) = (extents[0], extents[1])
    channels = extents.count == 3 ? extents[2] : 1
    guard augmentation.shift >= 0, augmentation.shift < min(height, width) else {
      throw EngineError.invalidSetting(
        name: "the shift of images", value: "\(augmentation.shift)",
        expected: "0 to \(min(height, width) - 1) pixels")
    }
    self.augmentation = augmentation
    random = SeededGenerator(seed: seed, stream: "train/augmentation")
    copy = [Float](repeating: 0, count: shape.elementCount)
  }

  mutating func apply(to batch: Batch) {
    let size = copy.count
    for sample in 0..<batch.count {
      vary(
        UnsafeMutableBufferPointer(
          rebasing: batch.inputs[sample * size..<(sample + 1) * size]))
    }
  }

  /// What an image moves away from repeats its edge.
  private mutating func vary(_ image: UnsafeMutableBufferPointer<Float>) {
    let (down, right) = (offset(), offset())
    let (mirrors, turns) = (random.nextUnit() < 0.5, random.nextUnit() < 0.5)
    let mirrored = mirrors && augmentation.flipsHorizontally
    let turned = turns && augmentation.flipsVertically
    guard down != 0 || right != 0 || mirrored || turned else { return }
    for index in copy.indices { copy[index] = image[index] }
    for row in 0..<height {
      let from = min(max((turned ? height - 1 - row : row) - down, 0), height - 1)
      for column in 0..<width {
        let at = min(max((mirrored ? width - 1 - column : column) - right, 0), width - 1)
        for channel in 0..<channels {
          image[(row * width + column) * channels + channel] =
            copy[(from * width + at) * channels + channel]
        }
      }
    }
  }

  private mutating func offset() -> Int {
    random.next(below: 2 * augmentation.shift + 1) - augmentation.shift
  }
}
