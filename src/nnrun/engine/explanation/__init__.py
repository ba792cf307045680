"""What a model's predictions go by: occlusion of pictures, and Grad-CAM."""
