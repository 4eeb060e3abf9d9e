internal import ModelCore

/// Turns stored samples into what the network sees: scaled floats beside target probabilities.
struct SampleStager {
  private let layout: SampleLayout
  private let scale: [Float]
  private let offset: [Float]

  init(_ layout: SampleLayout) {
    self.layout = layout
    scale = layout.scale
    offset = layout.offset
  }

  /// Appends one sample to a batch that has room for it.
  ///
  /// - Parameters:
  ///   - bytes: the stored inputs, `layout.bytesPerSample` bytes.
  ///   - index: where the sample's target is in `targets`.
  ///   - row: the sample's row in its split, for messages.
  func append(
    _ bytes: UnsafeRawBufferPointer, target index: Int, of targets: Targets, row: Int,
    to batch: Batch, weight: Float
  ) throws {
    let position = batch.count
    precondition(position < batch.capacity, "the batch is full")
    let count = batch.sampleElementCount
    precondition(count == layout.sampleShape.elementCount, "samples and batch are of one size")
    let inputs = UnsafeMutableBufferPointer(
      rebasing: batch.inputs[position * count..<(position + 1) * count])
    Tensor.convert(bytes, from: layout.elementType, into: inputs)
    normalize(inputs)
    if layout.elementType.isFloatingPoint,
      let element = UnsafeBufferPointer(inputs).firstNonFinite
    {
      throw SampleError.notFinite(
        inputs[element], row: row, element: element, split: layout.name)
    }
    try stage(target: index, of: targets, row: row, at: position, in: batch)
    batch.weights[position] = weight
    batch.setCount(position + 1)
  }

  private func normalize(_ inputs: UnsafeMutableBufferPointer<Float>) {
    if scale.count == 1, offset.count == 1 {
      let (scale, offset) = (scale[0], offset[0])
      guard scale != 1 || offset != 0 else { return }
      for i in inputs.indices { inputs[i] = inputs[i] * scale + offset }
    } else {
      for i in inputs.indices {
        inputs[i] = inputs[i] * scale[i % scale.count] + offset[i % offset.count]
      }
    }
  }

  private func stage(
    target index: Int, of targets: Targets, row: Int, at position: Int, in batch: Batch
  ) throws {
    let classes = batch.classCount
    let target = UnsafeMutableBufferPointer(
      rebasing: batch.targets[position * classes..<(position + 1) * classes])
    switch targets {
    case .classes(let labels):
      let label = labels[index]
      guard label >= 0, label < classes else {
        throw SampleError.label(label, row: row, classCount: classes)
      }
      target.update(repeating: 0)
      target[Int(label)] = 1
    case .distributions(let values, let classCount):
      guard classCount == classes else {
        throw SampleError.label(Int32(clamping: classCount - 1), row: row, classCount: classes)
      }
      for c in 0..<classes { target[c] = values[index * classes + c] }
    }
  }
}
